//! What the world last told of itself, for the checks: they look at it as at a cluster, and never wait for its tick.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::id::RolloutId;
use crate::domain::rollout::Rollout;

/// The rollouts as they are, shared by the engine and its checks.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Posted>>);

#[derive(Debug, Default)]
struct Posted {
    rollouts: BTreeMap<RolloutId, Arc<Rollout>>,
    /// Why nothing can be read now.
    cut: Option<String>,
    /// How often each image was pushed again.
    pushes: BTreeMap<String, u32>,
}

impl Board {
    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts a rollout as it is now.
    pub(super) fn post(&self, rollout: Arc<Rollout>) {
        self.posted().rollouts.insert(rollout.id.clone(), rollout);
    }

    /// Notes that the link is lost, or back.
    pub(super) fn link(&self, cut: Option<String>) {
        self.posted().cut = cut;
    }

    /// Notes how often each image was pushed again.
    pub(super) fn push(&self, pushes: &BTreeMap<String, u32>) {
        self.posted().pushes.clone_from(pushes);
    }

    /// Returns all rollouts, or why they cannot be read.
    pub(super) fn rollouts(&self) -> Result<Vec<Arc<Rollout>>, String> {
        let posted = self.posted();
        match &posted.cut {
            Some(why) => Err(why.clone()),
            None => Ok(posted.rollouts.values().cloned().collect()),
        }
    }

    /// Returns the digest that an image has now: another one after each push.
    pub(super) fn digest(&self, image: &str) -> String {
        let pushes = self.posted().pushes.get(image).copied().unwrap_or(0);
        let seed = image
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325_u64 ^ u64::from(pushes), |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
        let mut rng = fastrand::Rng::with_seed(seed);
        let words: Vec<String> = (0..4).map(|_| format!("{:016x}", rng.u64(..))).collect();
        format!("sha256:{}", words.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_keeps_its_digest_until_it_is_pushed_again() {
        let board = Board::default();
        let before = board.digest("shop/web:1.0.0");
        assert_eq!(board.digest("shop/web:1.0.0"), before);
        assert_ne!(board.digest("shop/web:1.0.1"), before);
        assert_eq!(before.len(), "sha256:".len() + 64);
        board.push(&BTreeMap::from([("shop/web:1.0.0".to_owned(), 1)]));
        assert_ne!(board.digest("shop/web:1.0.0"), before);
    }
}
