//! Names of what is granted by its name.

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The longest name of an interface, in bytes.
const MAX_INTERFACE_BYTES: usize = 256;

/// How all tools of a component are granted.
pub(crate) const ALL_OF_A_COMPONENT: &str =
    "a tool is `COMPONENT.TOOL`, and `*` stands for all tools of a component: `text.*`";

/// What a name is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Words {
    Variable,
    Setting,
    Namespace,
    Model,
    Tool,
    Interface,
}

impl Words {
    /// What such a name is made of.
    const fn rule(self) -> &'static str {
        match self {
            Self::Variable => {
                "a variable is named by 1 to 128 of `A-Za-z0-9_`, with no digit in front"
            }
            Self::Setting => "a setting is named by 1 to 128 bytes without control characters",
            Self::Namespace => {
                "a namespace is named by 1 to 128 of `a-z0-9._-`, with one of `a-z0-9` in front"
            }
            Self::Model => {
                "a model is named by 1 to 128 of `a-z0-9._-`, with one of `a-z0-9` in front"
            }
            Self::Tool => "a tool is named `COMPONENT.TOOL`, of at most 128 of `A-Za-z0-9_.-`",
            Self::Interface => {
                "an interface is named `namespace:package/interface`, without its version"
            }
        }
    }

    fn fits(self, name: &str) -> bool {
        let most = match self {
            Self::Interface => MAX_INTERFACE_BYTES,
            _ => MAX_NAME_BYTES,
        };
        if name.is_empty() || most < name.len() {
            return false;
        }
        match self {
            Self::Variable => {
                let is_in = |c: char| c.is_ascii_alphanumeric() || c == '_';
                !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_in)
            }
            Self::Setting => !name.chars().any(crate::is_unsafe_char),
            Self::Namespace | Self::Model => {
                let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
                let is_in = |c: char| is_word(c) || matches!(c, '.' | '_' | '-');
                name.starts_with(is_word) && name.chars().all(is_in)
            }
            Self::Tool => is_tool(name),
            Self::Interface => is_interface(name),
        }
    }
}

/// Whether a name is such a one; if not, the rule.
pub(crate) fn check(words: Words, name: &str) -> Result<(), &'static str> {
    words.fits(name).then_some(()).ok_or(words.rule())
}

/// Whether all tools of a component of that name may be granted.
pub(crate) fn check_component(name: &str) -> Result<(), &'static str> {
    let is_one =
        !name.contains('.') && name.len() < MAX_NAME_BYTES && is_tool(&format!("{name}.x"));
    is_one.then_some(()).ok_or(ALL_OF_A_COMPONENT)
}

/// `COMPONENT.TOOL`: no component's name has a dot.
fn is_tool(name: &str) -> bool {
    let Some((component, tool)) = name.split_once('.') else {
        return false;
    };
    let is_part = |part: &str, dots: bool| {
        let is_mark = |c: char| matches!(c, '_' | '-') || (dots && c == '.');
        let is_in = |c: char| c.is_ascii_alphanumeric() || is_mark(c);
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(is_in)
    };
    is_part(component, false) && is_part(tool, true)
}

/// `namespace:package/interface`, each in kebab-case as WIT has it.
fn is_interface(name: &str) -> bool {
    let Some((package, interface)) = name.split_once('/') else {
        return false;
    };
    let Some((namespace, package)) = package.split_once(':') else {
        return false;
    };
    [namespace, package, interface].into_iter().all(is_kebab)
}

fn is_kebab(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric());
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.split('-').all(is_word)
}
