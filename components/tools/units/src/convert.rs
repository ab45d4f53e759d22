//! From one unit to another.

use serde_json::{Value, json};

use crate::table::{Quantity, Unit};

/// Converts as the arguments say. The error says what of them does not fit.
pub(crate) fn call(quantity: &Quantity, arguments: &str) -> Result<String, String> {
    let arguments: Value =
        serde_json::from_str(arguments).map_err(|error| format!("not JSON: {error}"))?;
    let value = arguments.get("value").and_then(Value::as_f64);
    let value = value.ok_or("`value` is not a number")?;
    let (from, to) = (
        unit(quantity, &arguments, "from")?,
        unit(quantity, &arguments, "to")?,
    );
    let value = convert(value, from, to);
    if !value.is_finite() {
        return Err(format!("`value` is too large in {}", to.name));
    }
    Ok(json!({ "value": value, "unit": to.name }).to_string())
}

fn unit<'a>(quantity: &'a Quantity, arguments: &Value, key: &str) -> Result<&'a Unit, String> {
    let name = arguments
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut units = quantity.units.iter();
    units
        .find(|unit| unit.name == name)
        .ok_or_else(|| format!("`{key}` is no unit of {}: `{name}`", quantity.name))
}

/// Rounded to 15 digits: the last ones of a product are not the value's.
fn convert(value: f64, from: &Unit, to: &Unit) -> f64 {
    let value = (value * from.factor + from.offset - to.offset) / to.factor;
    format!("{value:.14e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[track_caller]
    fn check(quantity: &str, arguments: Value, expected: &Value) {
        let all = table::read();
        let quantity = all.iter().find(|all| all.name == quantity);
        let answer = call(quantity.expect("a quantity"), &arguments.to_string());
        let answer: Value = serde_json::from_str(&answer.expect("an answer")).expect("JSON");
        assert_eq!(&answer["value"], expected, "{arguments}");
    }

    #[test]
    fn known_values() {
        let arguments =
            |value: f64, from: &str, to: &str| json!({ "value": value, "from": from, "to": to });
        check(
            "length",
            arguments(1.0, "mile", "kilometre"),
            &json!(1.609344),
        );
        check("mass", arguments(16.0, "ounce", "pound"), &json!(1.0));
        check(
            "temperature",
            arguments(100.0, "celsius", "fahrenheit"),
            &json!(212.0),
        );
        check(
            "temperature",
            arguments(-40.0, "fahrenheit", "celsius"),
            &json!(-40.0),
        );
        check(
            "speed",
            arguments(36.0, "kilometre-per-hour", "metre-per-second"),
            &json!(10.0),
        );
        check(
            "data",
            arguments(1.0, "gibibyte", "mebibyte"),
            &json!(1024.0),
        );
    }

    #[test]
    fn there_and_back_is_the_same() {
        for quantity in table::read() {
            for from in &quantity.units {
                for to in &quantity.units {
                    let there = convert(12.5, from, to);
                    let back = convert(there, to, from);
                    let names = (from.name, to.name);
                    assert!((back - 12.5).abs() < 1e-9, "{names:?}: {back}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let all = table::read();
        let error = |arguments: &str| call(&all[0], arguments).expect_err("an error");
        assert_eq!(error(r#"{"from": "metre"}"#), "`value` is not a number");
        let unknown = r#"{"value": 1, "from": "metre", "to": "pound"}"#;
        assert_eq!(error(unknown), "`to` is no unit of length: `pound`");
        let huge = r#"{"value": 1e308, "from": "mile", "to": "millimetre"}"#;
        assert_eq!(error(huge), "`value` is too large in millimetre");
    }
}
