"""The alert rules speak of metrics and labels that the service really has."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import parser

from tests.web.service import Service, word

RULES = Path(__file__).parents[2] / "deploy" / "prometheus-rules.yml"
RULE = re.compile(r"^      - alert: (\w+)\n((?:^        .*\n|^\n)+)", re.MULTILINE)
METRIC = re.compile(r"\b(docledger_\w+|up)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
FUNCTIONS = {"abs", "by", "histogram_quantile", "increase", "or", "rate", "sum"}


def rules() -> dict[str, str]:
    return dict(RULE.findall(RULES.read_text()))


def expression(rule: str) -> str:
    (expr,) = re.findall(r"^        expr: (.+)$", rule, re.MULTILINE)
    return str(expr)


def test_every_rule_says_how_serious_it_is_and_what_to_do() -> None:
    assert len(rules()) == RULES.read_text().count("- alert:") >= 8
    for name, rule in rules().items():
        assert re.search(r"^        labels: \{severity: (critical|warning)\}$", rule, re.MULTILINE), name
        assert re.search(r"^          summary: .{10,}$", rule, re.MULTILINE), name
        assert re.search(r"^          description: .{20,}\.$", rule, re.MULTILINE), name


def test_every_expression_is_closed_and_uses_functions_that_prometheus_has() -> None:
    for name, rule in rules().items():
        expr = expression(rule)
        plain = re.sub(r'"[^"]*"', "", expr)
        assert all(plain.count(a) == plain.count(b) for a, b in ("()", "[]", "{}")), name
        words = set(re.findall(r"[a-z_]+", re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)", "", plain)))
        assert {word for word in words if not METRIC.fullmatch(word)} <= FUNCTIONS, name


async def test_every_metric_and_label_in_them_is_there(service: Service) -> None:
    key = await service.begin(await service.add())
    assert await service.offered(2, key, "1", word("Newer.")) == (200, 0)
    told = await service.get("/metrics", by="admin:root")
    labels: dict[str, set[str]] = {"up": {"job"}}
    for family in parser.text_string_to_metric_families(told.text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    for name, rule in rules().items():
        used = METRIC.findall(expression(rule))
        assert used, name
        for metric, selected in used:
            assert metric in labels, f"{name}: there is no {metric}"
            assert set(LABEL.findall(selected)) <= labels[metric], name
        texts = set(re.findall(r"\$labels\.(\w+)", rule))
        assert texts <= {label for metric, _ in used for label in labels[metric]}, name
