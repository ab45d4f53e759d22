//! `units`, in Rust: its tools are known only when it runs.

use serde_json::json;

use super::Shipped;

#[tokio::test]
async fn each_quantity_is_a_tool_with_its_units() {
    let Some(units) = Shipped::new("units").await else {
        return;
    };
    assert!(
        units
            .component
            .component()
            .expect("a component")
            .is_handler()
    );
    let tools: Vec<_> = units.component.tools().iter().collect();
    assert_eq!(tools.len(), 10);
    for tool in tools {
        let spec = tool.spec();
        assert!(spec.name.starts_with("convert-"), "{spec:?}");
        assert!(spec.description.starts_with("Converts a "), "{spec:?}");
        let from = &spec.input_schema["properties"]["from"]["enum"];
        assert!(
            from.as_array().is_some_and(|units| 2 < units.len()),
            "{spec:?}"
        );
    }
}

#[tokio::test]
async fn a_value_is_converted() {
    let Some(units) = Shipped::new("units").await else {
        return;
    };
    let arguments = json!({ "value": 26.21875, "from": "mile", "to": "kilometre" });
    let answer = units.typical("convert-length", arguments).await;
    assert_eq!(answer, json!({ "value": 42.194988, "unit": "kilometre" }));
    let arguments = json!({ "value": 0, "from": "kelvin", "to": "celsius" });
    let answer = units.typical("convert-temperature", arguments).await;
    assert_eq!(answer["value"], -273.15);
}

/// What is in the schema is told before it runs, the rest by the tool.
#[tokio::test]
async fn what_does_not_fit_is_told() {
    let Some(units) = Shipped::new("units").await else {
        return;
    };
    let arguments = json!({ "value": 1, "from": "mile", "to": "kelvin" });
    insta::assert_snapshot!(units.error("convert-length", arguments).await, @"caller/invalid-arguments: argument `to` must be one of `metre`, `kilometre`, `centimetre`, `millimetre`, `inch`, `foot`, `yard`, `mile`, `nautical-mile`, not the string `kelvin`");
    let arguments = json!({ "value": 1e308, "from": "mile", "to": "millimetre" });
    insta::assert_snapshot!(units.error("convert-length", arguments).await, @"component/error: the tool failed: invalid arguments: `value` is too large in millimetre");
}
