//! What a component is, where it is neither linked nor run.

use crate::inspect::Export;

/// The interface of components whose tools are known only when they run.
const HANDLER: &str = "patinox:tool/handler@0.1";

/// The interface of components that judge calls.
pub(crate) const VALIDATION: &str = "patinox:tool/validation@0.1";

/// What the types of a component's code tell of it. Names and texts are a
/// stranger's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outline {
    /// What the component says of itself, cut at 4 KiB.
    pub docs: Option<String>,
    /// The interfaces that it imports, sorted.
    pub imports: Vec<String>,
    /// Those of them that no host has of itself, sorted: whoever runs it has to
    /// offer and to grant them.
    pub wanted: Vec<String>,
    /// The functions that it exports, in its own order.
    pub exports: Vec<Export>,
    /// Whether it has integers of 64 bits as doubles, as JavaScript in `QuickJS`
    /// does: beyond 2^53 they lose digits, and no error tells it.
    pub has_doubles_for_integers: bool,
}

impl Outline {
    /// Whether it lists its tools itself, through `patinox:tool/handler`.
    #[must_use]
    pub fn is_handler(&self) -> bool {
        exports_handler(&self.exports)
    }

    /// Whether it judges calls, through `patinox:tool/validation`.
    #[must_use]
    pub fn is_validator(&self) -> bool {
        exports_validation(&self.exports)
    }
}

pub(crate) fn exports_handler(exports: &[Export]) -> bool {
    let mut interfaces = exports
        .iter()
        .filter_map(|export| export.interface.as_ref());
    interfaces.any(|name| name.starts_with(HANDLER))
}

pub(crate) fn exports_validation(exports: &[Export]) -> bool {
    exports.iter().any(Export::is_verdict)
}
