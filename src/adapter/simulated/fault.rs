//! What can befall an instance: chosen by the image's tag, or laid on a rollout by a scenario.

use serde::Deserialize;

use crate::domain::id::version_of;

/// How an instance will fare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    #[default]
    Healthy,
    /// Runs, and its readiness probe fails.
    Unready,
    /// Ends with exit code 1 soon after each start.
    Crash,
    /// Serves for a while, then is killed for memory.
    Oom,
    /// The registry does not know the image.
    MissingImage,
    /// The Secret that it reads is not there.
    MissingConfig,
    /// No node has room.
    Unschedulable,
    /// The network of its sandbox cannot be set up.
    Sandbox,
    /// Runs and is ready, and serves errors: an analysis fails on it.
    Regress,
    /// Runs and is ready, and answers late: an analysis in the background fails on it.
    Slow,
    /// Runs and is ready; what it serves is neither good nor bad enough for a verdict.
    Doubtful,
    /// Runs and is ready, and tells no numbers: no analysis can measure it.
    Blind,
}

impl Fate {
    /// Returns the fate that a tag asks for: `bad`, `crash`, `oom`, `missing`, and so on, alone or as the last word of a
    /// version (`2.2.1-crash`).
    pub fn of_image(image: &str) -> Self {
        let tag = version_of(image);
        match tag.rsplit_once('-').map_or(tag, |(_, last)| last) {
            "bad" | "unready" => Self::Unready,
            "crash" => Self::Crash,
            "oom" => Self::Oom,
            "missing" => Self::MissingImage,
            "noconfig" => Self::MissingConfig,
            "huge" => Self::Unschedulable,
            "sandbox" => Self::Sandbox,
            "regress" => Self::Regress,
            "slow" => Self::Slow,
            "doubtful" => Self::Doubtful,
            "blind" => Self::Blind,
            _ => Self::Healthy,
        }
    }

    /// Returns whether instances with this fate get ready at least for a while.
    pub fn gets_ready(self) -> bool {
        matches!(self, Self::Healthy | Self::Oom | Self::Regress | Self::Slow | Self::Doubtful | Self::Blind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_or_its_last_word_asks_for_a_fate() {
        for (image, fate) in [
            ("trixtech/backend:2.2.0", Fate::Healthy),
            ("trixtech/backend:bad", Fate::Unready),
            ("trixtech/backend:2.2.1-crash", Fate::Crash),
            ("trixtech/backend:oom", Fate::Oom),
            ("trixtech/backend:missing", Fate::MissingImage),
            ("trixtech/crash", Fate::Healthy),
        ] {
            assert_eq!(Fate::of_image(image), fate, "{image}");
        }
    }
}
