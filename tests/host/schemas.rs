//! What a component's types become: names, signatures, schemas.

use patinox::Tools;

use crate::support::{self, guests};

async fn with_tools(guest: &str, check: impl FnOnce(&Tools)) {
    if let Some(bytes) = guests::built(guest) {
        let component = support::load(&support::host(), &bytes).await;
        check(component.tools());
    }
}

fn input(tools: &Tools, name: &str) -> String {
    tools.get(name).unwrap().spec().input_schema.to_string()
}

fn output(tools: &Tools, name: &str) -> String {
    let spec = tools.get(name).unwrap().spec();
    spec.output_schema.as_ref().unwrap().to_string()
}

#[tokio::test]
async fn schemas_follow_from_the_types() {
    with_tools("fixture-types", |tools| {
        insta::assert_snapshot!(input(tools, "same-u64"), @r#"{"type":"object","properties":{"value":{"anyOf":[{"type":"integer","minimum":0,"maximum":18446744073709551615},{"type":"string","pattern":"^(0|[1-9][0-9]{0,19})$"}]}},"required":["value"],"additionalProperties":false}"#);
        insta::assert_snapshot!(output(tools, "same-f64"), @r#"{"anyOf":[{"type":"number"},{"type":"string","enum":["NaN","Infinity","-Infinity"]}]}"#);
        insta::assert_snapshot!(input(tools, "same-bytes"), @r#"{"type":"object","properties":{"value":{"type":"string","contentEncoding":"base64"}},"required":["value"],"additionalProperties":false}"#);
        insta::assert_snapshot!(input(tools, "same-options"), @r#"{"type":"object","properties":{"value":{"type":"object","properties":{"simple":{"anyOf":[{"type":"integer","minimum":0,"maximum":4294967295},{"type":"null"}]},"nested":{"anyOf":[{"type":"object","properties":{"some":{"anyOf":[{"type":"integer","minimum":0,"maximum":4294967295},{"type":"null"}]}},"required":["some"],"additionalProperties":false},{"type":"null"}]},"listed":{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"null"}]}}},"required":["listed"],"additionalProperties":false}},"required":["value"],"additionalProperties":false}"#);
        insta::assert_snapshot!(output(tools, "same-options"), @r#"{"type":"object","properties":{"simple":{"anyOf":[{"type":"integer","minimum":0,"maximum":4294967295},{"type":"null"}]},"nested":{"anyOf":[{"type":"object","properties":{"some":{"anyOf":[{"type":"integer","minimum":0,"maximum":4294967295},{"type":"null"}]}},"required":["some"],"additionalProperties":false},{"type":"null"}]},"listed":{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"null"}]}}},"required":["simple","nested","listed"],"additionalProperties":false}"#);
        insta::assert_snapshot!(output(tools, "result-both"), @r#"{"type":"integer","minimum":0,"maximum":4294967295}"#);
        insta::assert_snapshot!(input(tools, "several-parameters"), @r#"{"type":"object","properties":{"first-number":{"anyOf":[{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807},{"type":"string","pattern":"^(0|-?[1-9][0-9]{0,18})$"}]},"text":{"anyOf":[{"type":"string"},{"type":"null"}]},"list":{"type":"array","items":{"type":"string","enum":["red","dark-green","blue"]}}},"required":["first-number","list"],"additionalProperties":false}"#);
        insta::assert_snapshot!(input(tools, "neither"), @r#"{"type":"object","additionalProperties":false}"#);
        assert_eq!(tools.get("neither").unwrap().spec().output_schema, None);
    })
    .await;
}

#[tokio::test]
async fn names_that_clash_are_qualified_on_both_sides() {
    with_tools("fixture-types", |tools| {
        let names = tools.iter().map(|tool| tool.spec().name.as_str());
        let clashing: Vec<_> = names.filter(|name| name.ends_with("describe")).collect();
        assert_eq!(clashing, ["shapes.describe", "values.describe"]);
        assert!(tools.get("describe").is_err());
        assert!(tools.get("same-URL").is_ok());
    })
    .await;
}

#[tokio::test]
async fn signatures_are_those_of_wit() {
    with_tools("fixture-types", |tools| {
        let signature = |name| tools.get(name).unwrap().signature();
        insta::assert_snapshot!(signature("several-parameters"), @"several-parameters(first-number: s64, text: option<string>, list: list<enum { red, dark-green, blue }>) -> string");
        insta::assert_snapshot!(signature("same-outcomes"), @"same-outcomes(value: record { both: result<u32, string>, ok-only: result<u32>, err-only: result<_, string>, neither: result }) -> record { both: result<u32, string>, ok-only: result<u32>, err-only: result<_, string>, neither: result }");
        insta::assert_snapshot!(signature("neither"), @"neither()");
    })
    .await;
}

#[tokio::test]
async fn what_needs_a_resource_is_left_out_and_says_why() {
    with_tools("fixture-resource", |tools| {
        let names: Vec<_> = tools.iter().map(|tool| &tool.spec().name).collect();
        assert_eq!(names, ["same-text", "same-number"]);
        let left_out: Vec<_> = tools.left_out().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(left_out.join("\n"), @"
        `patinox:fixture-resource/counters@0.1.0#[constructor]counter`: it takes or returns a resource, which has no form in JSON
        `patinox:fixture-resource/counters@0.1.0#[method]counter.increase`: it takes or returns a resource, which has no form in JSON
        `patinox:fixture-resource/counters@0.1.0#new-counter`: it takes or returns a resource, which has no form in JSON
        `patinox:fixture-resource/counters@0.1.0#total`: it takes or returns a resource, which has no form in JSON
        ");
    })
    .await;
}

#[tokio::test]
async fn the_functions_beside_a_resource_work() {
    let Some(bytes) = guests::built("fixture-resource") else {
        return;
    };
    let host = support::host();
    let component = support::load(&host, &bytes).await;
    for (tool, value) in [("same-text", "a".into()), ("same-number", 7.into())] {
        let arguments = serde_json::json!({ "value": value });
        let called = support::call(&host, &component, tool, arguments).await;
        let expected: serde_json::Value = value;
        assert_eq!(called.result.unwrap(), expected);
    }
}

/// An author may call an interface as interpreters call their own; theirs are
/// known by more than that.
#[tokio::test]
async fn an_interface_called_as_a_helper_is_is_no_helper() {
    let text = r#"(component
        (core module $module (func (export "f") (result i32) i32.const 7))
        (core instance $core (instantiate $module))
        (func $f (result u32) (canon lift (core func $core "f")))
        (instance $init (export "init" (func $f)))
        (instance $exports (export "run" (func $f)))
        (export "init" (instance $init))
        (export "exports" (instance $exports)))"#;
    let host = support::host();
    let component = support::load(&host, &wat::parse_str(text).unwrap()).await;
    let names = component.tools().iter();
    let names: Vec<_> = names.map(|tool| tool.spec().name.clone()).collect();
    assert_eq!(names, ["init", "run"]);
    let called = support::call(&host, &component, "init", serde_json::json!({})).await;
    assert_eq!(called.result.unwrap(), 7);
}
