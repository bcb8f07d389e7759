// Three texts into one; the page's half of merging.py.
"use strict";

function splice(before, after) {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let tail = 0;
  while (tail < shorter - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  return { start, stop: before.length - tail, insert: after.slice(start, after.length - tail) };
}

// `theirs` with my change of `base` carried over.
function merge(base, mine, theirs) {
  if (base === theirs) return mine;
  const own = splice(base, mine);
  const other = splice(base, theirs);
  const shift = other.insert.length - (other.stop - other.start);
  let { start, stop } = own;
  if (own.stop > other.start && own.start >= other.stop) {
    start += shift;
    stop += shift;
  } else if (own.stop > other.start) {
    const head = Math.min(own.start, other.start);
    const removed = other.start - head;
    theirs = theirs.slice(0, head) + theirs.slice(other.start);
    start = other.start + other.insert.length - removed;
    stop = Math.max(start, own.stop + shift - removed);
  }
  return theirs.slice(0, start) + own.insert + theirs.slice(stop);
}

// Where a caret belongs after `before` became `after`.
function moved(caret, before, after) {
  const change = splice(before, after);
  if (caret <= change.start) return caret;
  if (caret >= change.stop) return caret + after.length - before.length;
  return change.start + change.insert.length;
}
