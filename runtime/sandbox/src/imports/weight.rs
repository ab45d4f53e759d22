//! How heavy a value is on its way between guest and host.

use wasmtime::component::{Resource, Val};

use crate::bindings::offered::patinox::tool::context::Budget;
use crate::bindings::offered::wasi::clocks::wall_clock::Datetime;
use crate::bindings::offered::wasi::config::store::Error as ConfigError;
use crate::bindings::offered::wasi::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use crate::bindings::offered::wasi::io::streams::StreamError;
use crate::bindings::offered::wasi::keyvalue::store::{Error as KeyValueError, KeyResponse};
use crate::bindings::offered::wasi::logging::logging::Level;

/// A parameter or result of a host function.
///
/// A function whose types do not have this cannot be linked: what it moves
/// would cost no fuel.
pub(crate) trait Weigh {
    /// Its bytes, without the few that every value has.
    fn weigh(&self) -> u64;
}

/// What has no weight beyond its own few bytes.
macro_rules! light {
    ($($ty:ty),*) => {
        $(impl Weigh for $ty {
            fn weigh(&self) -> u64 {
                0
            }
        })*
    };
}

light!((), bool, u8, u32, u64, Level, Datetime, Budget, StreamError);
light!(
    Advice,
    DescriptorFlags,
    DescriptorStat,
    DescriptorType,
    ErrorCode,
    MetadataHashValue,
    NewTimestamp,
    OpenFlags,
    PathFlags
);

impl<T: 'static> Weigh for Resource<T> {
    fn weigh(&self) -> u64 {
        0
    }
}

impl Weigh for String {
    fn weigh(&self) -> u64 {
        bytes(self.len())
    }
}

impl Weigh for DirectoryEntry {
    fn weigh(&self) -> u64 {
        self.name.weigh()
    }
}

impl Weigh for ConfigError {
    fn weigh(&self) -> u64 {
        match self {
            Self::Upstream(text) | Self::Io(text) => text.weigh(),
        }
    }
}

impl Weigh for KeyValueError {
    fn weigh(&self) -> u64 {
        match self {
            Self::NoSuchStore | Self::AccessDenied => 0,
            Self::Other(text) => text.weigh(),
        }
    }
}

impl Weigh for KeyResponse {
    fn weigh(&self) -> u64 {
        self.keys.weigh()
    }
}

/// Items of a list have a weight even where they hold nothing more.
impl<T: Weigh> Weigh for Vec<T> {
    fn weigh(&self) -> u64 {
        let items = bytes(self.len().saturating_mul(size_of::<T>()));
        let held = self.iter().map(Weigh::weigh);
        held.fold(items, u64::saturating_add)
    }
}

impl<T: Weigh> Weigh for Option<T> {
    fn weigh(&self) -> u64 {
        self.as_ref().map_or(0, Weigh::weigh)
    }
}

impl<T: Weigh, E: Weigh> Weigh for Result<T, E> {
    fn weigh(&self) -> u64 {
        match self {
            Ok(value) => value.weigh(),
            Err(error) => error.weigh(),
        }
    }
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<$($name: Weigh),+> Weigh for ($($name,)+) {
            fn weigh(&self) -> u64 {
                #[expect(non_snake_case, reason = "the names of the types")]
                let ($($name,)+) = self;
                [$($name.weigh()),+].into_iter().fold(0, u64::saturating_add)
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);

/// What values of any type weigh. It does not recurse: a component may give an
/// import a type that nests deep.
pub(crate) fn of_values(values: &[Val]) -> u64 {
    let mut weight = 0_u64;
    let mut left: Vec<&Val> = values.iter().collect();
    while let Some(value) = left.pop() {
        let own = match value {
            Val::String(text) | Val::Enum(text) => text.len(),
            Val::List(items) | Val::Tuple(items) => {
                left.extend(items);
                items.len()
            }
            Val::Record(fields) => {
                left.extend(fields.iter().map(|(_, value)| value));
                fields.len()
            }
            Val::Variant(_, Some(value))
            | Val::Option(Some(value))
            | Val::Result(Ok(Some(value)) | Err(Some(value))) => {
                left.push(value);
                1
            }
            Val::Flags(names) => names.len(),
            _ => 0,
        };
        weight = weight.saturating_add(bytes(own));
    }
    weight
}

fn bytes(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighs_what_a_value_holds() {
        assert_eq!((7_u64, true).weigh(), 0);
        assert_eq!(("text".to_owned(), vec![0_u8; 100]).weigh(), 104);
        assert_eq!((Ok::<_, StreamError>(vec![1_u8, 2]),).weigh(), 2);
        assert_eq!((vec!["ab".to_owned(); 10],).weigh(), 10 * 24 + 20);
        assert_eq!((None::<String>,).weigh(), 0);
    }

    #[test]
    fn weighs_values_of_any_type() {
        let text = Val::String("text".to_owned());
        let list = Val::List(vec![text.clone(), text]);
        let nested = Val::Option(Some(Box::new(Val::Tuple(vec![list]))));
        assert_eq!(of_values(&[nested, Val::U8(1)]), 1 + 1 + 2 + 8);
    }
}
