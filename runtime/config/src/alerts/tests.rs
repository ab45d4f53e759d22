use std::path::Path;

use patinox_policy::{Failure as _, Report};

use super::*;
use crate::parse;

fn read_text(text: &str) -> Result<Option<AlertSettings>, Error> {
    let read = parse::contents(text, (Path::new("c.toml"), Path::new("/here")));
    read.map(|contents| contents.alerts)
}

fn settings(text: &str) -> AlertSettings {
    let read = read_text(text);
    read.expect("it is right").expect("it has the section")
}

fn refusal(text: &str) -> String {
    let error = read_text(text).expect_err("it is refused");
    let report = Report::of(&error);
    assert_eq!(error.code().as_str(), "caller/invalid-config");
    let hint = report.hint.expect("a hint");
    format!("{}\n  {hint}", report.message)
}

/// A rule with these lines beside its name.
fn rule(lines: &str) -> String {
    format!("[[alerts.rules]]\nname = \"mine\"\n{lines}\n")
}

#[test]
fn without_the_section_there_are_none_and_an_empty_one_has_the_defaults() {
    assert_eq!(read_text("[limits]\nwall = '2s'").expect("right"), None);
    assert_eq!(settings("[alerts]"), AlertSettings::default());
    let none = settings("[alerts]\ndefaults = false\nrepeat = '30m'");
    assert_eq!(none.rules, []);
    assert_eq!(none.repeat, Duration::from_mins(30));
}

#[test]
fn a_rule_is_read_with_all_that_it_may_have() {
    let text = "\
        [alerts]\ndefaults = false\n\
        [[alerts.rules]]\nname = 'many-wait'\nmetric = 'patinox_calls_waiting'\nabove = 50\n\
        lasting = '30s'\nseverity = 'critical'\nlabels = { team = 'tools' }\n\
        [[alerts.rules]]\nname = 'refused'\nmetric = 'patinox_calls_total'\n\
        where = { outcome = 'limit/busy' }\nat-least = 1.5\ngrowth-within = '5m'\n\
        [[alerts.rules]]\nname = 'pool-full'\nhealth = 'pool'\nat-least = 'unhealthy'\n";
    let rules = settings(text).rules;
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let expected = [
        AlertRule {
            name: "many-wait".to_owned(),
            subject: Subject::Metric {
                name: "patinox_calls_waiting".to_owned(),
                labels: Vec::new(),
            },
            comparison: Comparison::Above,
            threshold: 50.0,
            growth_within: None,
            lasting: Duration::from_secs(30),
            severity: Severity::Critical,
            labels: pair("team", "tools"),
        },
        AlertRule {
            name: "refused".to_owned(),
            subject: Subject::Metric {
                name: "patinox_calls".to_owned(),
                labels: pair("outcome", "limit/busy"),
            },
            comparison: Comparison::AtLeast,
            threshold: 1.5,
            growth_within: Some(Duration::from_mins(5)),
            lasting: Duration::ZERO,
            severity: Severity::Warning,
            labels: Vec::new(),
        },
        AlertRule {
            name: "pool-full".to_owned(),
            subject: Subject::Health("pool".to_owned()),
            comparison: Comparison::AtLeast,
            threshold: 2.0,
            growth_within: None,
            lasting: Duration::ZERO,
            severity: Severity::Warning,
            labels: Vec::new(),
        },
    ];
    assert_eq!(rules, expected);
    let beside = settings(&rule("health = 'pool'\nabove = 'healthy'")).rules;
    assert_eq!(beside.len(), AlertRule::defaults().len() + 1);
}

/// What each of these texts is told.
fn told(texts: &[String]) -> String {
    let told: Vec<_> = texts.iter().map(|text| refusal(text)).collect();
    told.join("\n")
}

#[test]
fn what_is_wrong_in_the_section_is_told_with_its_place() {
    let texts = [
        "alerts = 3".to_owned(),
        "[alert]".to_owned(),
        "[alerts]\nrule = []".to_owned(),
        "[alerts]\ndefaults = 'no'".to_owned(),
        "[alerts]\nrepeat = '0s'".to_owned(),
        "[alerts]\nrepeat = 60".to_owned(),
        "[alerts]\nrules = 'none'".to_owned(),
        "[alerts]\nrules = ['none']".to_owned(),
        "[[alerts.rules]]\nabove = 3".to_owned(),
        "[[alerts.rules]]\nname = 'Many Wait'".to_owned(),
    ];
    insta::assert_snapshot!(told(&texts), @r#"
    `alerts` at `c.toml:1:1` must be a table
      write `[alerts]` and its keys below it
    there is no key `alert`, at `c.toml:1:2`
      did you mean `[alerts]`?
    there is no key `alerts.rule`, at `c.toml:2:1`
      did you mean `rules`?
    `alerts.defaults` at `c.toml:2:12` must be `true` or `false`, not `no`
      write it like `defaults = true`
    `alerts.repeat` at `c.toml:2:10` must be at least 1s, not `0s`
      write it like `repeat = "5m"`
    `alerts.repeat` at `c.toml:2:10` must be a time with its unit, `ms`, `s`, `m` or `h`, not `60`
      write it like `repeat = "5m"`
    `alerts.rules` at `c.toml:2:9` must be an array of tables, not `none`
      write each as `[[alerts.rules]]`, with its keys below it
    `alerts.rules[0]` at `c.toml:2:10` must be a table, not `none`
      write each as `[[alerts.rules]]`, with its keys below it
    `alerts.rules[0]` at `c.toml:1:1` must have `name`
      write it like `name = "many-wait"`
    `alerts.rules[0].name` at `c.toml:2:8` must be 1 to 128 of `a-z0-9-`, not `Many Wait`
      write it like `name = "many-wait"`
    "#);
}

#[test]
fn what_a_rule_cannot_look_at_is_told_with_its_place() {
    let texts = [
        rule(""),
        rule("health = 'pool'\nmetric = 'patinox_calls'"),
        rule("health = 'pol'\nabove = 'healthy'"),
        rule("health = 'pool'\nabove = 1"),
        rule("health = 'pool'\nwhere = { a = 'b' }\nabove = 'healthy'"),
        rule("metric = 'patinox_call_waiting'\nabove = 1"),
        rule("metric = 'patinox_calls'\nwhere = { kind = 'a' }\nabove = 1"),
        rule("metric = 'patinox_calls'\nwhere = 'outcome'\nabove = 1"),
        rule("metric = 'patinox_health'\nwhere = { check = 'pol' }\nabove = 1"),
        rule("health = 'impact'\nat-least = 'unhealthy'"),
        rule("health = 'impact'\nabove = 'degraded'"),
    ];
    insta::assert_snapshot!(told(&texts), @r#"
    `alerts.rules[0]` at `c.toml:1:1` must have `metric` or `health`
      write it like `metric = "patinox_calls_waiting"` or `health = "pool"`
    `alerts.rules[0]` at `c.toml:1:1` must have `metric` or `health`, not both
      write it like `metric = "patinox_calls_waiting"` or `health = "pool"`
    `alerts.rules[0].health` at `c.toml:3:10` must be the name of a check, not `pol`
      did you mean `pool`?
    `alerts.rules[0].above` at `c.toml:4:9` must be one of `healthy`, `degraded`, not `1`
      write it like `above = "degraded"`
    `alerts.rules[0].health` at `c.toml:3:10` takes no `where`: that is for a metric
      write it like `metric = "patinox_calls_waiting"` or `health = "pool"`
    alert rule `mine` at `c.toml:1:1` is refused: there is no metric `patinox_call_waiting`
      did you mean `patinox_calls_waiting`?
    alert rule `mine` at `c.toml:1:1` is refused: `patinox_calls` has no label `kind`
      its labels are component, tool, outcome
    `alerts.rules[0].where` at `c.toml:4:9` must be a table, not `outcome`
      write it like `where = { outcome = "limit/busy" }`
    `alerts.rules[0].where` at `c.toml:4:9` must be the name of a check, not `pol`
      did you mean `pool`?
    `alerts.rules[0].at-least` at `c.toml:4:12` must be `degraded` here, not `unhealthy`
      write it like `at-least = "degraded"`
    `alerts.rules[0].above` at `c.toml:4:9` must be `healthy` here, not `degraded`
      write it like `above = "healthy"`
    "#);
}

#[test]
fn what_else_is_wrong_in_a_rule_is_told_with_its_place() {
    let with = |lines: &str| rule(&format!("metric = 'patinox_calls'\n{lines}"));
    let texts = [
        with(""),
        with("above = 1\nbelow = 3"),
        with("above = 'much'"),
        with("above = inf"),
        with("above = 1\nlasting = 'long'"),
        with("above = 1\nlasting = '30sec'"),
        with("above = 1\nfor = '30s'"),
        with("above = 1\ngrowth-within = '0s'"),
        with("above = 1\nseverity = 'bad'"),
        with("above = 1\nlabels = ['a']"),
        with("above = 1\nlabels = { a = 3 }"),
        with("abowe = 1"),
        with("above = 1\nwhere = { outcome = 'limit/bussy' }"),
        with("above = nan"),
        rule("metric = 'patinox_calls_waiting'\nabove = 1\ngrowth-within = '5m'"),
        rule("health = 'pool'\nabove = 'unhealthy'"),
        rule("health = 'pool'\nbelow = 'healthy'"),
        rule("health = 'pool'\nabove = 'healthy'\ngrowth-within = '5m'"),
        format!("{0}{0}", with("above = 1")),
        "[[alerts.rules]]\nname = 'pool-degraded'\nhealth = 'pool'\nabove = 'healthy'".to_owned(),
    ];
    insta::assert_snapshot!(told(&texts), @r#"
    `alerts.rules[0]` at `c.toml:1:1` must have one of `above`, `at-least`, `below` and `at-most`
      write it like `above = 50`
    `alerts.rules[0]` at `c.toml:1:1` must have only one of `above`, `at-least`, `below` and `at-most`
      write it like `above = 50`
    `alerts.rules[0].above` at `c.toml:4:9` must be a number, not `much`
      write it like `above = 50`
    `alerts.rules[0].above` at `c.toml:4:9` must be a finite number, not the number `inf`
      write it like `above = 50`
    `alerts.rules[0].lasting` at `c.toml:5:11` must be a time with its unit, `ms`, `s`, `m` or `h`, not `long`
      write it like `lasting = "5m"`
    `alerts.rules[0].lasting` at `c.toml:5:11` must be a time with its unit, `ms`, `s`, `m` or `h`, not `30sec`
      write it like `lasting = "5m"`
    there is no key `alerts.rules[0].for`, at `c.toml:5:1`
      did you mean `lasting`?
    `alerts.rules[0].growth-within` at `c.toml:5:17` must be at least 1s, not `0s`
      write it like `growth-within = "5m"`
    `alerts.rules[0].severity` at `c.toml:5:12` must be one of `info`, `warning`, `critical`, not `bad`
      write it like `severity = "critical"`
    `alerts.rules[0].labels` at `c.toml:5:10` must be a table, not an array
      write it like `labels = { team = "tools" }`
    `alerts.rules[0].labels.a` at `c.toml:5:16` must be text, not `3`
      write it like `a = "…"`
    there is no key `alerts.rules[0].abowe`, at `c.toml:4:1`
      did you mean `above`?
    alert rule `mine` at `c.toml:1:1` is refused: `outcome` of `patinox_calls` is never `limit/bussy`
      did you mean `limit/busy`?
    `alerts.rules[0].above` at `c.toml:4:9` must be a finite number, not the number `nan`
      write it like `above = 50`
    alert rule `mine` at `c.toml:1:1` is refused: `patinox_calls_waiting` is no counter: it goes up and down, so how much it grew says nothing
      compare its value, and say for how long it must last
    `alerts.rules[0].above` at `c.toml:4:9` must be one of `healthy`, `degraded`, not `unhealthy`
      write it like `above = "degraded"`
    `alerts.rules[0].below` at `c.toml:4:9` must be one of `degraded`, `unhealthy`, not `healthy`
      write it like `below = "unhealthy"`
    alert rule `mine` at `c.toml:1:1` is refused: a check is no counter, so it does not grow
      say for how long it must last
    alert rule `mine` at `c.toml:5:1` is refused: another rule has its name
      give one of the two another name
    alert rule `pool-degraded` at `c.toml:1:1` is refused: another rule has its name
      a default rule has it: give this one another name, or leave the default rules out: `defaults = false`
    "#);
}

#[test]
fn there_are_not_too_many() {
    let many = format!(
        "[[alerts.rules]]\n{}",
        "[[alerts.rules]]\n".repeat(MAX_ALERT_RULES)
    );
    insta::assert_snapshot!(refusal(&many), @"
    `alerts.rules` at `c.toml:1:1` must have at most 200 of them, not 201
      leave some out
    ");
    let labels: Vec<_> = (0..17).map(|number| format!("l{number} = 'a'")).collect();
    let labels = format!("labels = {{ {} }}", labels.join(", "));
    let many = rule(&format!("health = 'pool'\nabove = 'healthy'\n{labels}"));
    insta::assert_snapshot!(refusal(&many), @"
    `alerts.rules[0].labels` at `c.toml:5:10` must have at most 16 of them, not 17
      leave some out
    ");
}

/// `docs/configuration.md` has each key, each check, and an example that is right.
#[test]
fn the_page_names_every_key() {
    let page = include_str!("../../../../docs/configuration.md");
    let (_, section) = page.split_once("\n## Alerts").expect("a section");
    let (section, _) = section.split_once("\n## ").expect("another section");
    let words = KEYS.iter().chain(&RULE_KEYS).chain(&HOST_CHECKS);
    for word in words {
        assert!(section.contains(&format!("`{word}`")), "{word}");
    }
    assert!(section.contains(&format!("at most {MAX_ALERT_RULES}")));
    let (_, example) = section.split_once("```toml\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    assert_eq!(
        settings(example).rules.len(),
        AlertRule::defaults().len() + 3
    );
}
