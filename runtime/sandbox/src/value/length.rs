//! How long JSON text is, without making it.

use serde_json::{Number, Value};

/// How many bytes a value has as JSON text.
///
/// It goes as deep as the value does.
///
/// # Errors
///
/// If it has more than `limit`; the number that was reached when counting
/// stopped.
pub fn json_len(json: &Value, limit: u64) -> Result<u64, u64> {
    let mut counter = Counter { count: 0, limit };
    match counter.value(json) {
        Ok(()) => Ok(counter.count),
        Err(TooLong) => Err(counter.count),
    }
}

/// How many bytes whatever has a form in JSON has as its text.
///
/// # Errors
///
/// If it has more than `limit`, or has no such form; the number that was reached
/// when counting stopped.
pub(crate) fn serialized_len(value: &impl serde::Serialize, limit: u64) -> Result<u64, u64> {
    let mut counter = Counter { count: 0, limit };
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => Ok(counter.count),
        Err(_) => Err(counter.count),
    }
}

struct Counter {
    count: u64,
    limit: u64,
}

struct TooLong;

impl Counter {
    fn add(&mut self, bytes: usize) -> Result<(), TooLong> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.count = self.count.saturating_add(bytes);
        match self.limit < self.count {
            true => Err(TooLong),
            false => Ok(()),
        }
    }

    fn value(&mut self, json: &Value) -> Result<(), TooLong> {
        match json {
            Value::Null | Value::Bool(true) => self.add(4),
            Value::Bool(false) => self.add(5),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(values) => {
                self.add(brackets(values.len()))?;
                values.iter().try_for_each(|value| self.value(value))
            }
            Value::Object(fields) => {
                // A colon each as well.
                self.add(brackets(fields.len()).saturating_add(fields.len()))?;
                fields.iter().try_for_each(|(name, value)| {
                    self.text(name)?;
                    self.value(value)
                })
            }
        }
    }

    fn number(&mut self, number: &Number) -> Result<(), TooLong> {
        if let Some(number) = number.as_u64() {
            return self.add(digits(number));
        }
        if let Some(number) = number.as_i64() {
            return self.add(1 + digits(number.unsigned_abs()));
        }
        serde_json::to_writer(self, number).map_err(|_| TooLong)
    }

    fn text(&mut self, text: &str) -> Result<(), TooLong> {
        let pieces = text.as_bytes().chunks(PIECE);
        let pieces = pieces.filter(|piece| has_escapes(piece));
        let more: usize = pieces.flatten().copied().map(escape).sum();
        self.add(text.len().saturating_add(more).saturating_add(2))
    }
}

/// Two brackets, and a comma between each two.
const fn brackets(items: usize) -> usize {
    match items {
        0 => 2,
        items => items.saturating_add(1),
    }
}

const fn digits(number: u64) -> usize {
    match number.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    }
}

/// So many bytes of a string are looked at together: most have nothing to escape.
const PIECE: usize = 64;

/// Whether some byte of a string takes more than one. All are looked at, without a
/// branch, many at once.
fn has_escapes(piece: &[u8]) -> bool {
    let is_escaped = |&byte| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    piece.iter().fold(false, |any, byte| any | is_escaped(byte))
}

/// How many bytes more than one a byte of a string takes: `\n`, or `\u0001`.
fn escape(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 1,
        0..0x20 => 5,
        _ => 0,
    }
}

impl std::io::Write for &mut Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.add(bytes.len()) {
            Ok(()) => Ok(bytes.len()),
            Err(TooLong) => Err(std::io::ErrorKind::WriteZero.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[\u{0}-\u{ff}]{0,8}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn as_many_bytes_are_counted_as_the_text_has(value in value()) {
            let bytes = value.to_string().len() as u64;
            prop_assert_eq!(json_len(&value, u64::MAX), Ok(bytes));
            prop_assert_eq!(json_len(&value, bytes), Ok(bytes));
            prop_assert!(json_len(&value, bytes - 1).is_err_and(|count| bytes - 1 < count));
            prop_assert_eq!(serialized_len(&value, u64::MAX), Ok(bytes));
        }
    }

    #[test]
    fn each_byte_and_each_power_of_ten() {
        let mut values: Vec<Value> = (0..=0x7f_u8)
            .map(|byte| char::from(byte).to_string().into())
            .collect();
        for power in 0..20 {
            let power = 10_u64.pow(power);
            let signed = i64::try_from(power).unwrap_or(i64::MAX);
            values.extend([
                power.into(),
                (power - 1).into(),
                (-signed).into(),
                (1 - signed).into(),
            ]);
        }
        values.extend([
            json!([]),
            json!({}),
            json!([[]]),
            json!(i64::MIN),
            json!(-0.0),
        ]);
        for value in values {
            assert_eq!(
                json_len(&value, u64::MAX),
                Ok(value.to_string().len() as u64),
                "{value}"
            );
        }
    }
}
