//! Runs the code of others, whose panics stay there.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::text;

/// A longer text of a panic is cut.
const MAX_PANIC_BYTES: usize = 1024;

/// Runs some code. If it panics, the error is the text of its panic.
///
/// What the code leaves half-done must not be used any more.
pub(crate) fn contain<R>(code: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
        let text = text_of(&*payload);
        discard(payload);
        text
    })
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref().map(String::as_str));
    text.map_or_else(
        || "a panic without a text".to_owned(),
        |text| text::shown(&text, MAX_PANIC_BYTES),
    )
}

fn discard(payload: Box<dyn Any + Send>) {
    // Its own destructor may panic too, and with what does so again: that one is
    // never dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        let _: &mut _ = Box::leak(again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::panic_any;

    struct Forever;

    impl Drop for Forever {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }

    #[test]
    fn a_panic_becomes_its_text() {
        assert_eq!(contain(|| 7), Ok(7));
        let text = |code: fn()| contain(code).unwrap_err();
        assert_eq!(text(|| panic!("plain")), "plain");
        assert_eq!(text(|| panic!("number {}", 7)), "number 7");
        assert_eq!(text(|| panic_any(7)), "a panic without a text");
        assert_eq!(
            text(|| panic!("{}", "x".repeat(5000))).len(),
            1024 + "…".len()
        );
    }

    #[test]
    fn a_payload_that_panics_without_end_is_no_panic() {
        let text = contain(|| panic_any(Forever)).unwrap_err();
        assert_eq!(text, "a panic without a text");
    }
}
