//! Many grants, of which few are looked at.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use crate::access::Asked;
use crate::grant::Scope;
use crate::pattern::HostPattern;
use crate::{Access, Capability, Grant, HttpHost};

/// How many segments of a path are told apart: more of them are looked at with each
/// grant.
const MAX_DEPTH: usize = 16;

/// Grants, and which of them can concern what.
///
/// Each has a head, which is equal to one of those of everything that it allows, and
/// the segments of a path, of which some stand for any. They are told apart by their
/// hashes: where two have one hash, a grant is looked at that does not concern it, and
/// no more.
#[derive(Clone, Debug)]
pub(super) struct Grants {
    /// Whether what they would allow is denied.
    deny: bool,
    all: Vec<Grant>,
    /// By the hash of the head.
    heads: HashMap<u64, Node, FixedState>,
    /// Those of folders.
    folders: Vec<usize>,
}

/// Grants whose paths begin alike.
#[derive(Clone, Debug, Default)]
struct Node {
    /// Those of which no more segments are told apart: they end here, or go on below.
    here: Vec<usize>,
    /// Those that go on by this segment, by its hash.
    by: HashMap<u64, Self, FixedState>,
    /// Those that go on by any segment.
    by_any: Option<Box<Self>>,
}

impl Grants {
    pub(super) fn new(deny: bool) -> Self {
        Self {
            deny,
            all: Vec::new(),
            heads: HashMap::default(),
            folders: Vec::new(),
        }
    }

    pub(super) fn as_slice(&self) -> &[Grant] {
        &self.all
    }

    pub(super) fn push(&mut self, grant: Grant) {
        let place = self.all.len();
        let mut node = self.heads.entry(head_of(grant.scope())).or_default();
        for segment in segments_of(grant.scope(), self.deny)
            .into_iter()
            .take(MAX_DEPTH)
        {
            node = match segment.as_deref() {
                Some(segment) => node.by.entry(hash(segment)).or_default(),
                None => node.by_any.get_or_insert_default(),
            };
        }
        node.here.push(place);
        if grant.capability() == Capability::Filesystem {
            self.folders.push(place);
        }
        self.all.push(grant);
    }

    pub(super) fn retain(&mut self, keeps: impl FnMut(&Grant) -> bool) {
        let mut all = std::mem::replace(self, Self::new(self.deny)).all;
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
        if self.all.is_empty() {
            return None;
        }
        let path = path_of(&access.0, self.deny);
        let mut look = |place: &usize| look(self.all.get(*place)?);
        heads_of(&access.0, |head| {
            let node = self.heads.get(&head)?;
            match path {
                Some(path) => node.find(path.split('/').skip(1), &mut look),
                None => node.find_any(&mut look),
            }
        })
    }

    /// Those of folders.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Grant> {
        let places = self.folders.iter();
        places.filter_map(|place| self.all.get(*place))
    }
}

impl Node {
    fn find_any<T>(&self, look: &mut impl FnMut(&usize) -> Option<T>) -> Option<T> {
        if let Some(found) = self.here.iter().find_map(&mut *look) {
            return Some(found);
        }
        let mut nodes = self.by.values().chain(self.by_any.as_deref());
        nodes.find_map(|node| node.find_any(look))
    }

    fn find<'a, T>(
        &self,
        mut path: impl Iterator<Item = &'a str> + Clone,
        look: &mut impl FnMut(&usize) -> Option<T>,
    ) -> Option<T> {
        if let Some(found) = self.here.iter().find_map(&mut *look) {
            return Some(found);
        }
        if self.by.is_empty() && self.by_any.is_none() {
            return None;
        }
        let segment = path.next()?;
        let by = self.by.get(&hash(segment));
        let found = by.and_then(|node| node.find(path.clone(), look));
        let any = self.by_any.as_ref();
        found.or_else(|| any.and_then(|node| node.find(path, look)))
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

/// The segments of the path of what it allows or denies: `None` for any.
fn segments_of(scope: &Scope, deny: bool) -> Vec<Option<Cow<'_, str>>> {
    match scope {
        Scope::Http(pattern) if deny => {
            let segments = pattern.path.loose_segments().into_iter();
            segments.map(|segment| segment.map(Cow::Owned)).collect()
        }
        Scope::Http(pattern) => {
            let segments = pattern.path.segments().into_iter();
            segments.map(|segment| segment.map(Cow::Borrowed)).collect()
        }
        Scope::Folder(folder) => {
            let start = folder.guest().start();
            let segments = start.split('/').skip(1);
            segments.map(|segment| Some(segment.into())).collect()
        }
        _ => Vec::new(),
    }
}

/// The path of what is asked for, each segment behind a slash; `None` if a server
/// could take it for any.
fn path_of(asked: &Asked, deny: bool) -> Option<&str> {
    match asked {
        Asked::Http(access) if deny => access.loose_path(),
        Asked::Http(access) => Some(access.path()),
        Asked::Folder(path, _) => Some(path.start()),
        _ => Some(""),
    }
}
