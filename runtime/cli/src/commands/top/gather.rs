//! Finds the hosts that can be watched, and listens to all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patinox_host::status::{Knock, StatusError, StatusFolder, StatusSocket};
use patinox_policy::escape_line;

use super::feed::{Bell, Feed};
use super::model::View;

/// After how long a host that gave no status is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// When the first line of a host should have come: it is told at once.
const LATE: Duration = Duration::from_secs(1);

/// At most so many names of sockets that were removed are kept.
const MAX_REMOVED: usize = 256;

/// Something that stands in the way of watching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The socket, or the folder.
    pub(super) path: PathBuf,
    /// For a person; escaped.
    pub(super) why: String,
}

/// The hosts of some folders.
#[derive(Debug)]
pub(super) struct Gather {
    folders: Vec<PathBuf>,
    /// Whether somebody named the folder.
    is_named: bool,
    bell: Bell,
    feeds: BTreeMap<StatusSocket, Feed>,
    removed: Vec<PathBuf>,
    /// What is wrong with the folders themselves.
    refused: Vec<Trouble>,
}

impl Gather {
    pub(super) fn new(folders: Vec<PathBuf>) -> Self {
        Self {
            folders,
            is_named: false,
            bell: Bell::default(),
            feeds: BTreeMap::new(),
            removed: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Of one folder, which has to be in order.
    pub(super) fn of(folder: PathBuf) -> Self {
        Self {
            is_named: true,
            ..Self::new(vec![folder])
        }
    }

    /// Looks which hosts there are by now: listens to those that are new, removes the
    /// sockets of those that are dead.
    pub(super) fn look(&mut self) -> Result<(), StatusError> {
        self.feeds.retain(|_, feed| {
            let heard = feed.heard();
            // What it said is shown for a while.
            !heard.is_over || (heard.trouble.is_some() && feed.since.elapsed() < AGAIN)
        });
        self.refused.clear();
        for path in self.folders.clone() {
            match self.look_into(&path) {
                Err(error) if self.is_named => return Err(error),
                Err(error) => self.refused.push(Trouble {
                    path,
                    why: escape_line(&error.to_string()).into_owned(),
                }),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn look_into(&mut self, path: &Path) -> Result<(), StatusError> {
        let Some(folder) = StatusFolder::open(path)? else {
            if self.is_named {
                self.refused.push(Trouble {
                    path: path.to_owned(),
                    why: "there is no such folder; a host makes it when it starts".to_owned(),
                });
            }
            return Ok(());
        };
        for socket in folder.sockets()? {
            if self.feeds.contains_key(&socket) {
                continue;
            }
            let path = || socket.path().to_owned();
            let feed = match folder.knock(&socket) {
                Ok(Knock::Removed) => {
                    self.removed.push(path());
                    self.removed.truncate(MAX_REMOVED);
                    continue;
                }
                Ok(Knock::Host(stream)) => Feed::start(path(), stream, self.bell.clone()),
                Err(error) => Err(error),
            };
            let feed = feed.unwrap_or_else(|error| {
                Feed::silent(path(), &format!("it does not answer: {error}"))
            });
            self.feeds.insert(socket, feed);
        }
        Ok(())
    }

    /// Waits until each host has told two lines, or something else, at most so long.
    pub(super) fn wait(&self, within: Duration) {
        self.bell.wait(within, || {
            let heard = self.feeds.values().map(Feed::heard);
            heard
                .into_iter()
                .all(|heard| heard.before.is_some() || heard.trouble.is_some() || heard.is_over)
        });
    }

    /// Whether no host was found.
    pub(super) fn is_empty(&self) -> bool {
        self.feeds.is_empty()
    }

    /// What each host that told anything is seen to do.
    pub(super) fn views(&self) -> Vec<View> {
        let feeds = self.feeds.values();
        let views = feeds.filter_map(|feed| View::of(feed.path(), feed.heard()));
        views.collect()
    }

    /// Where it looks.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The sockets of dead hosts that were removed.
    pub(super) fn removed(&self) -> &[PathBuf] {
        &self.removed
    }

    /// What is wrong, of hosts and of folders.
    pub(super) fn troubles(&self) -> Vec<Trouble> {
        let hosts = self.feeds.values().filter_map(|feed| {
            let heard = feed.heard();
            let is_late = heard.last.is_none() && LATE < feed.since.elapsed();
            let silent = || is_late.then(|| "it says nothing".to_owned());
            Some(Trouble {
                path: feed.path().to_owned(),
                why: heard.trouble.or_else(silent)?,
            })
        });
        self.refused.iter().cloned().chain(hosts).collect()
    }
}
