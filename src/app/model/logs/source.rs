//! Who speaks: the sources, interned, each with the roles that its revision has now.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::id::{ContainerName, RevisionId};
use crate::domain::log::Source;
use crate::domain::revision::Roles;
use crate::domain::rollout::Rollout;

use super::store::NOBODY;

/// A source and what is known of it now.
#[derive(Clone, Debug)]
pub struct Voice {
    pub source: Arc<Source>,
    /// The roles of its revision; they move during a rollout, so they are looked up and not kept with the lines.
    pub roles: Roles,
    /// Whether the filter lets its lines be shown.
    pub(super) admitted: bool,
}

/// All sources.
#[derive(Debug, Default)]
pub(super) struct Voices {
    all: Vec<Voice>,
    by_source: HashMap<Arc<Source>, u16>,
    roles: HashMap<RevisionId, Roles>,
}

impl Voices {
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.by_source.clear();
    }

    pub(super) fn get(&self, id: u16) -> Option<&Voice> {
        self.all.get(usize::from(id))
    }

    /// Returns a source's number, a new one where it was not known. With 65,535 known, a new one is nobody's.
    pub(super) fn intern(&mut self, source: &Arc<Source>, admit: impl Fn(&Voice) -> bool) -> u16 {
        if let Some(id) = self.by_source.get(source) {
            return *id;
        }
        let Some(id) = u16::try_from(self.all.len()).ok().filter(|id| *id != NOBODY) else { return NOBODY };
        let roles = self.roles.get(&source.revision).copied().unwrap_or_default();
        let mut voice = Voice { source: source.clone(), roles, admitted: true };
        voice.admitted = admit(&voice);
        self.all.push(voice);
        self.by_source.insert(source.clone(), id);
        id
    }

    /// Looks the roles up anew.
    pub(super) fn learn(&mut self, rollout: &Rollout) {
        self.roles = rollout.revisions.iter().map(|revision| (revision.id.clone(), revision.roles)).collect();
        for voice in &mut self.all {
            // A revision that is gone keeps the roles it had.
            if let Some(roles) = self.roles.get(&voice.source.revision) {
                voice.roles = *roles;
            }
        }
    }

    /// Asks the filter again. Returns whether an answer changed.
    pub(super) fn admit(&mut self, admit: impl Fn(&Voice) -> bool) -> bool {
        let mut changed = false;
        for voice in &mut self.all {
            let admitted = admit(voice);
            changed |= admitted != voice.admitted;
            voice.admitted = admitted;
        }
        changed
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Voice> {
        self.all.iter()
    }

    /// Returns the names of the containers, each once.
    pub(super) fn containers(&self) -> Vec<ContainerName> {
        let mut names: Vec<_> = self.all.iter().map(|voice| voice.source.container.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Returns whether lines come from more than one container name: then it stands beside the pod.
    pub(super) fn several_containers(&self) -> bool {
        let mut names = self.all.iter().map(|voice| &voice.source.container);
        names.next().is_some_and(|first| names.any(|other| other != first))
    }
}
