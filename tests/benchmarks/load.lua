-- The loads. Without an argument: the same GET over and over. With a folder: each connection is a
-- thread and sends the callbacks of its own file there, one per line as `path <tab> bearer <tab> body`,
-- where no path is that of the url. No callback is sent twice, and a thread that has sent all of its own stops.

local FINE = '{"error":0}'  -- some write it with blanks
local threads, requests, at = {}, {}, 0

function setup(thread)
  thread:set("number", #threads)
  thread:set("unfit", 0)
  thread:set("exhausted", 0)
  table.insert(threads, thread)
end

function init(args)
  if not args[1] then return end
  for line in io.lines(args[1] .. "/" .. number) do
    local path, bearer, body = line:match("^(.-)\t(.-)\t(.*)$")
    local headers = {["Authorization"] = "Bearer " .. bearer, ["Content-Type"] = "application/json"}
    for name, value in pairs(wrk.headers) do headers[name] = headers[name] or value end
    table.insert(requests, wrk.format("POST", path ~= "" and path or nil, headers, body))
  end
  request, response = next_callback, check
end

function next_callback()
  at = at % #requests + 1
  return requests[at]
end

function check(status, headers, body)
  if status ~= 200 or (body ~= FINE and body:gsub("%s", "") ~= FINE) then unfit = unfit + 1 end
  if at == #requests then
    exhausted = 1
    wrk.thread:stop()
  end
end

function done(summary, latency)
  local errors, unfit, exhausted = summary.errors, 0, 0
  for _, thread in ipairs(threads) do
    unfit = unfit + thread:get("unfit")
    exhausted = exhausted + thread:get("exhausted")
  end
  print(string.format(
    '{"requests": %d, "seconds": %f, "bytes": %d, "failed": %d, "exhausted": %d}',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout + unfit, exhausted))
end
