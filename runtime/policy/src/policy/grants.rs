//! Many grants, of which few are looked at.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use crate::access::Asked;
use crate::grant::Scope;
use crate::pattern::HostPattern;
use crate::{Access, Capability, Grant, HttpHost};

/// Grants, and which of them can concern what.
///
/// Each has a head, which is equal to one of those of everything that it allows, and a
/// start, with which the rest of that begins. Both are found by their hashes: where
/// two have one hash, a grant is looked at that does not concern it, and no more.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    all: Vec<Grant>,
    /// By the hash of the head.
    buckets: HashMap<u64, Bucket, FixedState>,
    /// Those of folders.
    folders: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    all: Vec<usize>,
    /// How long the starts are, each length once.
    lengths: Vec<usize>,
    /// By the hash of the start.
    starts: HashMap<u64, Vec<usize>, FixedState>,
}

impl Grants {
    pub(super) fn as_slice(&self) -> &[Grant] {
        &self.all
    }

    pub(super) fn push(&mut self, grant: Grant) {
        let place = self.all.len();
        let bucket = self.buckets.entry(head_of(grant.scope())).or_default();
        bucket.push(place, start_of(grant.scope()));
        if grant.capability() == Capability::Filesystem {
            self.folders.push(place);
        }
        self.all.push(grant);
    }

    pub(super) fn retain(&mut self, keeps: impl FnMut(&Grant) -> bool) {
        let mut all = std::mem::take(self).all;
        all.retain(keeps);
        for grant in all {
            self.push(grant);
        }
    }

    /// What the first gives of those that can concern this.
    pub(super) fn find<'g, T>(
        &'g self,
        access: &Access,
        mut look: impl FnMut(&'g Grant) -> Option<T>,
    ) -> Option<T> {
        let rest = rest_of(&access.0);
        let mut look = |place: &usize| look(self.all.get(*place)?);
        heads_of(&access.0, |head| {
            let bucket = self.buckets.get(&head)?;
            bucket.find(rest, &mut look)
        })
    }

    /// Those of folders.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Grant> {
        let places = self.folders.iter();
        places.filter_map(|place| self.all.get(*place))
    }

    pub(super) const fn has_folders(&self) -> bool {
        !self.folders.is_empty()
    }
}

impl Bucket {
    fn push(&mut self, place: usize, start: &str) {
        self.all.push(place);
        self.starts.entry(hash(start)).or_default().push(place);
        if !self.lengths.contains(&start.len()) {
            self.lengths.push(start.len());
        }
    }

    fn find<T>(&self, rest: &str, look: &mut impl FnMut(&usize) -> Option<T>) -> Option<T> {
        // A hash takes longer than a look.
        if self.all.len() < 2 * self.lengths.len() {
            return self.all.iter().find_map(look);
        }
        self.lengths.iter().find_map(|length| {
            let start = rest.get(..*length)?;
            self.starts.get(&hash(start))?.iter().find_map(&mut *look)
        })
    }
}

fn hash(of: impl Hash) -> u64 {
    FixedState::default().hash_one(of)
}

fn head(capability: Capability, head: impl Hash) -> u64 {
    hash((capability, head))
}

fn head_of(scope: &Scope) -> u64 {
    let capability = scope.capability();
    match scope {
        Scope::Http(pattern) => {
            let server = (pattern.scheme, pattern.port);
            match &pattern.host {
                HostPattern::Exact(host) => head(capability, (server, host)),
                HostPattern::Below(parent) => head(capability, (server, parent)),
            }
        }
        Scope::Folder(folder) => head(capability, folder.guest().first()),
        Scope::Environment(name, _)
        | Scope::Config(name, _)
        | Scope::KeyValue(name, _)
        | Scope::Model(name)
        | Scope::Import(name) => head(capability, name),
        Scope::Tool(name) => head(capability, component_of(name)),
        Scope::Tools(component) => head(capability, component.as_str()),
        Scope::Clock | Scope::Random => head(capability, ()),
    }
}

/// What the first gives of the heads that a grant of this can have.
fn heads_of<T>(asked: &Asked, mut look: impl FnMut(u64) -> Option<T>) -> Option<T> {
    match asked {
        Asked::Http(access) => {
            let capability = Capability::Http;
            let server = (access.scheme(), access.port());
            let found = look(head(capability, (server, access.host())));
            let HttpHost::Name(name) = access.host() else {
                return found;
            };
            let parents = name.match_indices('.');
            let mut parents = parents.filter_map(|(dot, _)| name.get(dot..));
            found.or_else(|| parents.find_map(|parent| look(head(capability, (server, parent)))))
        }
        Asked::Folder(path, _) => {
            let capability = Capability::Filesystem;
            let found = look(head(capability, path.first()));
            match path.first() {
                "" => found,
                _ => found.or_else(|| look(head(capability, ""))),
            }
        }
        Asked::Environment(name) => look(head(Capability::Environment, name)),
        Asked::Config(name) => look(head(Capability::Config, name)),
        Asked::KeyValue(name, _) => look(head(Capability::KeyValue, name)),
        Asked::Model(name) => look(head(Capability::Model, name)),
        Asked::Import(name) => look(head(Capability::Import, name)),
        Asked::Tool(name) => look(head(Capability::Tool, component_of(name))),
        Asked::Clock => look(head(Capability::Clock, ())),
        Asked::Random => look(head(Capability::Random, ())),
    }
}

fn component_of(tool: &str) -> &str {
    tool.split('.').next().unwrap_or_default()
}

fn start_of(scope: &Scope) -> &str {
    match scope {
        Scope::Http(pattern) => pattern.path.start(),
        Scope::Folder(folder) => folder.guest().start(),
        Scope::Tool(name) => name,
        _ => "",
    }
}

/// What begins with the start of each grant that allows it.
fn rest_of(asked: &Asked) -> &str {
    match asked {
        Asked::Http(access) => access.path(),
        Asked::Folder(path, _) => path.start(),
        Asked::Tool(name) => name,
        _ => "",
    }
}
