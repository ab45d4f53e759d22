//! What builds guests, language by language.

use std::path::Path;

use crate::environment::Environment;
use crate::own::{self, LanguageStatus, OwnToolchain};
use crate::{Built, Error, Guest, Job, Language, Toolchain, guests};

/// What builds guests on this machine. A language whose programs are missing
/// does not keep the others from being built.
#[derive(Debug)]
pub struct Toolchains {
    rust: Result<Toolchain, Error>,
    own: Vec<(Language, Result<OwnToolchain, Error>)>,
}

/// Guests that were not built, as what builds their language is missing.
#[derive(Debug)]
pub struct LeftOut {
    /// Their names.
    pub names: Vec<String>,
    /// What is missing, and how to get it.
    pub why: Error,
}

impl Toolchains {
    /// Finds what builds the guests in `folder`.
    #[must_use]
    pub fn find(folder: &Path) -> Self {
        let environment = Environment::here();
        let own = own::ALL.map(|language| {
            let found = OwnToolchain::find(language, folder, &environment);
            (language, found)
        });
        Self {
            rust: Toolchain::find(folder),
            own: own.into(),
        }
    }

    /// What this machine has for the languages that are not Rust; for that one
    /// there is [`status`](crate::status).
    #[must_use]
    pub fn status(folder: &Path) -> Vec<LanguageStatus> {
        let environment = Environment::here();
        let all = own::ALL.into_iter();
        all.map(|language| OwnToolchain::status(language, folder, &environment))
            .collect()
    }

    /// Builds every guest, and tells each line of the tools' progress. A guest
    /// that is not in Rust is built anew only where something has changed.
    ///
    /// # Errors
    ///
    /// If a source does not build: [`Error::Build`] has the end of what the tool
    /// said.
    pub fn build(
        self,
        job: &Job<'_>,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(Vec<Built>, Vec<LeftOut>), Error> {
        let guests = guests(job.folder)?;
        let of = |language| {
            guests
                .iter()
                .filter(move |guest| guest.language == language)
        };
        let (mut built, mut left_out) = (Vec::new(), Vec::new());
        match self.rust {
            Ok(rust) => built.extend(rust.build(job, on_line)?),
            Err(why) => left_out.push(LeftOut::of(of(Language::Rust), why)?),
        }
        for (language, toolchain) in self.own {
            match toolchain {
                Ok(toolchain) => {
                    for guest in of(language) {
                        built.push(toolchain.build(guest, job.target_dir, on_line)?);
                    }
                }
                Err(why) => left_out.push(LeftOut::of(of(language), why)?),
            }
        }
        left_out.retain(|left_out| !left_out.names.is_empty());
        Ok((built, left_out))
    }
}

impl LeftOut {
    fn of<'a>(guests: impl Iterator<Item = &'a Guest>, why: Error) -> Result<Self, Error> {
        match why {
            Error::MissingToolchain { .. } | Error::Start { .. } => Ok(Self {
                names: guests.map(|guest| guest.name.clone()).collect(),
                why,
            }),
            why => Err(why),
        }
    }
}
