//! What the attacks run under: the user's own settings, but none that would
//! stop an attack before the limit that it is about.

use patinox_config::Settings;
use patinox_policy::{Admission, LimitName, LimitScope, Limits, LoadLimits};

use crate::error::Error;

pub(super) struct Base {
    pub(super) limits: Limits,
    pub(super) load: LoadLimits,
    pub(super) admission: Admission,
    /// The settings that the defaults stand in for.
    pub(super) set_aside: Vec<LimitName>,
}

impl Base {
    pub(super) fn of(settings: &Settings) -> Result<Self, Error> {
        let mut base = Self {
            limits: settings.limits(),
            load: settings.load_limits(),
            admission: settings.admission(),
            set_aside: Vec::new(),
        };
        let defaults = Self {
            limits: Limits::default(),
            load: LoadLimits::default(),
            admission: Admission::default(),
            set_aside: Vec::new(),
        };
        for name in LimitName::ALL {
            let (own, default) = (base.get(name), defaults.get(name));
            if let Some(default) = default.filter(|default| is_in_the_way(name, own, *default)) {
                base.set(name, default)?;
                base.set_aside.push(name);
            }
        }
        Ok(base)
    }

    fn get(&self, name: LimitName) -> Option<u64> {
        match name.scope() {
            LimitScope::Call => self.limits.get(name),
            LimitScope::Load => self.load.get(name),
            LimitScope::Admission => self.admission.get(name),
        }
    }

    fn set(&mut self, name: LimitName, value: u64) -> Result<(), Error> {
        let value = name.quantity(value).to_string();
        let name_text = name.as_str();
        Ok(match name.scope() {
            LimitScope::Call => self.limits.set(name_text, &value),
            LimitScope::Load => self.load.set(name_text, &value),
            LimitScope::Admission => self.admission.set(name_text, &value),
        }?)
    }
}

/// Below the default it may stop another attack than its own. A longer `wall`
/// would make whoever looks wait for an attack that nothing else stops.
fn is_in_the_way(name: LimitName, own: Option<u64>, default: u64) -> bool {
    own.is_some_and(|own| own < default || (name == LimitName::Wall && default < own))
}
