//! The dashboard and the rules for Prometheus name what a host counts.

use std::collections::HashSet;
use std::time::Duration;

use patinox::telemetry::metrics::{ALL, Metric, MetricKind};
use patinox::telemetry::{AlertRule, Subject};
use serde_json::Value;

const DASHBOARD: &str = include_str!("../../docs/grafana/patinox.json");
const RULES: &str = include_str!("../../docs/prometheus/patinox.rules.yml");

/// What every series has of Prometheus itself.
const TARGET: [&str; 2] = ["job", "instance"];

/// A word of an expression, or the text that a label is compared with.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(expression: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_:$.".contains(c);
        let length = match first {
            '"' => {
                let inside = rest.get(1..).unwrap_or_default();
                inside.find('"').expect("the end of a text") + 2
            }
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        match first {
            '"' => tokens.push(Token::Text(piece.trim_matches('"').to_owned())),
            c if is_word(c) => tokens.push(Token::Word(piece.to_owned())),
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Sign(c)),
        }
        rest = after;
    }
    tokens
}

/// The metric of a name in an expression, and what it has beside its labels.
fn metric(name: &str) -> (&'static Metric, &'static [&'static str]) {
    let found = ALL.iter().find_map(|metric| {
        let suffix = name.strip_prefix(&metric.full_name())?;
        let is_histogram = metric.kind == MetricKind::Histogram;
        match (is_histogram, suffix) {
            (true, "_bucket") => Some((*metric, ["le"].as_slice())),
            (true, "_sum" | "_count") | (false, "") => Some((*metric, [].as_slice())),
            _ => None,
        }
    });
    found.unwrap_or_else(|| panic!("there is no `{name}`"))
}

/// The metrics of an expression, and what its result may be told apart by, once
/// all that it names is known to be there.
fn check(expression: &str) -> (Vec<&'static Metric>, HashSet<String>) {
    let tokens = tokens(expression);
    balanced(expression, &tokens);
    let mut metrics = Vec::new();
    let mut labels: HashSet<String> = TARGET.map(str::to_owned).into();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        // A rule that is recorded has a colon.
        if !word.starts_with("patinox_") {
            continue;
        }
        let (metric, more) = metric(word);
        let own: Vec<_> = metric.labels.iter().chain(more).chain(&TARGET).collect();
        for label in matched(&tokens[at + 1..]) {
            assert!(own.contains(&&&*label), "`{word}` has no label `{label}`");
        }
        labels.extend(own.into_iter().map(|label| (*label).to_owned()));
        metrics.push(metric);
    }
    let mut kept: Option<HashSet<String>> = None;
    for (at, token) in tokens.iter().enumerate() {
        if *token != Token::Word("by".to_owned()) {
            continue;
        }
        let by = listed(&tokens[at + 1..]);
        for label in &by {
            assert!(labels.contains(label), "`{label}` in {expression}");
        }
        kept.get_or_insert_default().extend(by);
    }
    (metrics, kept.unwrap_or(labels))
}

fn balanced(expression: &str, tokens: &[Token]) {
    let mut open = Vec::new();
    for token in tokens {
        match token {
            Token::Sign('(') => open.push(')'),
            Token::Sign('{') => open.push('}'),
            Token::Sign('[') => open.push(']'),
            Token::Sign(end @ (')' | '}' | ']')) => {
                assert_eq!(open.pop(), Some(*end), "{expression}");
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "{expression}");
}

/// The labels between braces, where they come first.
fn matched(tokens: &[Token]) -> Vec<String> {
    if tokens.first() != Some(&Token::Sign('{')) {
        return Vec::new();
    }
    let inside = tokens
        .iter()
        .take_while(|token| **token != Token::Sign('}'));
    inside.filter_map(word).collect()
}

/// The labels between parentheses.
fn listed(tokens: &[Token]) -> Vec<String> {
    assert_eq!(tokens.first(), Some(&Token::Sign('(')));
    let inside = tokens
        .iter()
        .take_while(|token| **token != Token::Sign(')'));
    inside.filter_map(word).collect()
}

fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) => Some(word.clone()),
        Token::Text(_) | Token::Sign(_) => None,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no `{key}`: {value}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key]
        .as_array()
        .unwrap_or_else(|| panic!("no `{key}`: {value}"))
}

/// Every metric that a panel shows, once it is known to be there.
fn of_dashboard(dashboard: &Value) -> HashSet<&'static str> {
    let mut shown = HashSet::new();
    for panel in list(dashboard, "panels") {
        if panel["type"] == "row" {
            continue;
        }
        assert_ne!(text(panel, "description"), "", "{panel}");
        assert_eq!(text(&panel["datasource"], "uid"), "${datasource}");
        for target in list(panel, "targets") {
            let expression = text(target, "expr");
            let (metrics, labels) = check(expression);
            assert_ne!(metrics.len(), 0, "{expression}");
            let legend = text(target, "legendFormat").split("{{").skip(1);
            for label in legend.filter_map(|rest| Some(rest.split_once("}}")?.0)) {
                assert!(
                    labels.contains(label),
                    "`{label}` in the legend of {expression}"
                );
            }
            shown.extend(metrics.iter().map(|metric| metric.name));
        }
    }
    shown
}

/// A rule of the file. It is read by lines, in the form that it is written in.
#[derive(Debug, Default)]
struct Rule {
    name: String,
    fields: Vec<(String, String)>,
}

impl Rule {
    fn get(&self, key: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find_map(|(name, value)| (name == key).then_some(value.as_str()))
    }
}

fn rules() -> Vec<Rule> {
    let mut rules = Vec::<Rule>::new();
    for line in RULES.lines().map(str::trim_end) {
        let item = line.strip_prefix("      - ");
        if let Some((_, name)) = item.and_then(|item| item.split_once(": ")) {
            let name = name.to_owned();
            rules.push(Rule {
                name,
                ..Rule::default()
            });
            continue;
        }
        let (Some(rule), Some(inner)) = (rules.last_mut(), line.strip_prefix("        ")) else {
            continue;
        };
        // The lines of an expression stand deeper than any key.
        let is_more =
            rule.fields.last().is_some_and(|(key, _)| key == "expr") && inner.starts_with("  ");
        match (
            is_more,
            rule.fields.last_mut(),
            inner.trim().split_once(':'),
        ) {
            (true, Some((_, expression)), _) => *expression += &format!(" {}", inner.trim()),
            (_, _, Some((key, value))) => {
                let value = value.trim().trim_start_matches('|');
                rule.fields.push((key.to_owned(), value.to_owned()));
            }
            _ => panic!("no rule: {line}"),
        }
    }
    rules
}

/// How a rule of ours says what a host judges by itself.
fn expression(rule: &AlertRule) -> String {
    let threshold = rule.threshold;
    match &rule.subject {
        Subject::Health(check) => format!("patinox_health{{check=\"{check}\"}} >= {threshold}"),
        Subject::Metric { name, labels } => {
            let metric = ALL
                .iter()
                .find(|metric| metric.name == name)
                .expect("one of the list");
            let labels = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{value}\""));
            let labels = labels.collect::<Vec<_>>().join(",");
            let series = match labels.as_str() {
                "" => metric.full_name(),
                labels => format!("{}{{{labels}}}", metric.full_name()),
            };
            let within = minutes(rule.growth_within.expect("a time"));
            format!(
                "sum by (job, instance) (increase({series}[{within}])) > {threshold} or \
                 sum by (job, instance) ({series} unless {series} offset {within}) > {threshold}"
            )
        }
    }
}

fn minutes(span: Duration) -> String {
    format!("{}m", span.as_secs() / 60)
}

#[test]
fn what_it_names_is_there_and_nothing_is_left_out() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let mut named = of_dashboard(&dashboard);
    for variable in list(&dashboard["templating"], "list") {
        if variable["type"] == "query" {
            let query = text(variable, "definition");
            let (metrics, labels) = check(query);
            let label = query
                .trim_end_matches(')')
                .rsplit(' ')
                .next()
                .expect("a label");
            assert!(metrics.len() == 1 && labels.contains(label), "{query}");
        }
    }
    for rule in rules() {
        let (metrics, _) = check(rule.get("expr").expect("an expression"));
        named.extend(metrics.iter().map(|metric| metric.name));
    }
    let all: HashSet<_> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(named, all);
}

#[test]
fn no_two_panels_lie_on_one_another() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let mut taken = HashSet::new();
    let mut ids = HashSet::new();
    for panel in list(&dashboard, "panels") {
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
        let (left, top) = (place("x"), place("y"));
        assert!(left + place("w") <= 24, "{panel}");
        for x in left..left + place("w") {
            for y in top..top + place("h") {
                assert!(taken.insert((x, y)), "{panel}");
            }
        }
    }
}

/// The alerts are what a host tells by itself where nobody has made rules, and that
/// there is none.
#[test]
fn the_alerts_are_those_of_a_host() {
    let rules = rules();
    let alerts = rules
        .iter()
        .filter(|rule| rule.get("annotations").is_some());
    let (ours, others): (Vec<_>, Vec<_>) = alerts.partition(|rule| rule.get("rule").is_some());
    let others: Vec<_> = others.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(others, ["PatinoxAbsent"]);
    let defaults = AlertRule::defaults();
    assert_eq!(ours.len(), defaults.len());
    for (rule, default) in ours.iter().zip(&defaults) {
        let words = rule.get("expr").unwrap_or_default().split_whitespace();
        let found = words.collect::<Vec<_>>().join(" ");
        assert_eq!(rule.get("rule"), Some(default.name.as_str()));
        assert_eq!(found, expression(default), "{}", rule.name);
        assert_eq!(
            rule.get("severity"),
            Some(default.severity.as_str()),
            "{}",
            rule.name
        );
        let lasting = (!default.lasting.is_zero()).then(|| minutes(default.lasting));
        assert_eq!(rule.get("for"), lasting.as_deref(), "{}", rule.name);
    }
}

/// The check finds what it is for.
#[test]
fn a_name_that_there_is_not_is_found() {
    let wrong = [
        "rate(patinox_call_total[5m])",
        "rate(patinox_calls[5m])",
        "rate(patinox_call_fuel[5m])",
        "patinox_calls_running_bucket",
        "sum(patinox_calls_total{code=\"ok\"})",
        "sum by (stage) (patinox_calls_total)",
        "sum by (le) (patinox_call_fuel_sum)",
        "sum(patinox_calls_running",
        "sum(patinox_calls_running])",
    ];
    for expression in wrong {
        let found = std::panic::catch_unwind(|| check(expression));
        assert!(found.is_err(), "{expression}");
    }
    let right = "sum by (le, job) (rate(patinox_call_fuel_bucket{tool=~\"$tool\"}[5m])) > 0";
    assert_eq!(check(right).0.len(), 1);
}
