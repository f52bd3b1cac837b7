//! Approvals: which roles must have said yes, and what a yes is worth.
//!
//! A decision is bound to the bytes and to the plan that it was given for: a new push or another rule voids it. A person
//! counts once in a release, whatever roles they hold, and where it is needed most.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::checklist::CLOCKS;
use super::policy::Policy;
use super::{Kind, Release, Voucher};
use crate::domain::id::{Actor, ApproverRole};

/// One rule: so many of a role must approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub role: ApproverRole,
    pub count: u32,
    /// The kinds of release that it is for; empty: all.
    pub kinds: Vec<Kind>,
    /// The strategies that it is for: `canary`, `blue-green`; empty: all.
    pub strategies: Vec<String>,
    /// The classes of change that it is for: `major`; empty: all.
    pub classes: Vec<String>,
    /// How long an approval stands; none: as long as the bytes do.
    pub expires: Option<SignedDuration>,
}

impl Rule {
    /// Returns whether the rule is for such a release.
    pub fn applies(&self, release: &Release) -> bool {
        let brief = &release.brief;
        (self.kinds.is_empty() || self.kinds.contains(&brief.kind))
            && (self.strategies.is_empty() || brief.strategies.iter().any(|used| self.strategies.contains(used)))
            && (self.classes.is_empty() || brief.class.as_ref().is_some_and(|class| self.classes.contains(class)))
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    Approve,
    Refuse,
    /// What the same person decided before no longer counts.
    Withdraw,
}

/// Somebody's word on a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub at: Timestamp,
    pub by: Actor,
    pub voucher: Voucher,
    pub role: ApproverRole,
    pub choice: Choice,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What the release was bound to.
    pub of: String,
    /// The plan's rules that it was given under.
    pub plan: String,
}

/// Why an approval counts no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Void {
    /// Other bytes than those that were approved.
    Bytes,
    /// Other rules than those that it was given under.
    Plan,
    Expired,
    /// Its giver wrote the release.
    Author,
    /// Its giver does not hold the role.
    Role,
    /// Its giver counts for another role already.
    Twice,
}

impl Void {
    /// Returns the reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Bytes => "given for other bytes",
            Self::Plan => "given under other rules of the plan",
            Self::Expired => "expired",
            Self::Author => "of the author's own",
            Self::Role => "not a holder of the role",
            Self::Twice => "counts for another role already",
        }
    }
}

/// How one rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    pub rule: &'a Rule,
    /// The approvals that count.
    pub counted: Vec<&'a Decision>,
    /// Those that do not, and why.
    pub void: Vec<(&'a Decision, Void)>,
    /// A refusal that stands.
    pub refused: Option<&'a Decision>,
}

impl Standing<'_> {
    /// Returns whether the rule is met.
    pub fn met(&self) -> bool {
        self.refused.is_none() && self.counted.len() >= self.rule.count as usize
    }
}

/// Compares every rule that applies with the decisions.
pub fn standing<'a>(policy: &'a Policy, release: &'a Release, now: Timestamp) -> Vec<Standing<'a>> {
    let of = release.fingerprint();
    let latest = latest(release);
    let rules = policy.approvals.iter().filter(|rule| rule.applies(release));
    let mut standings: Vec<Standing<'a>> = rules
        .map(|rule| {
            let mut standing = Standing { rule, counted: Vec::new(), void: Vec::new(), refused: None };
            for decision in latest.iter().copied().filter(|decision| decision.role == rule.role) {
                let void = void(policy, release, rule, decision, &of, now);
                match (decision.choice, void) {
                    (Choice::Withdraw, _) => {}
                    // Who may not approve may not stop it either; what stops stands until it is withdrawn or the bytes change.
                    (Choice::Refuse, None | Some(Void::Expired | Void::Plan | Void::Author)) => standing.refused = Some(decision),
                    (Choice::Refuse | Choice::Approve, Some(void)) => standing.void.push((decision, void)),
                    (Choice::Approve, None) => standing.counted.push(decision),
                }
            }
            standing
        })
        .collect();
    share(&mut standings);
    standings
}

/// Lets each person count for one rule: shared out so that as many approvals as possible are had, whatever the order of the
/// rules. Who is over counts where the first rule would have them.
fn share(standings: &mut [Standing<'_>]) {
    let wanted = |standing: &Standing<'_>| (standing.rule.count as usize).min(standing.counted.len());
    let places: Vec<usize> = standings.iter().enumerate().flat_map(|(at, standing)| std::iter::repeat_n(at, wanted(standing))).collect();
    let mut taken: Vec<Option<&Actor>> = vec![None; places.len()];
    for place in 0..places.len() {
        seat(standings, &places, &mut taken, place, &mut Vec::new());
    }
    let mut counts: Vec<(&Actor, usize)> = places.iter().zip(&taken).filter_map(|(rule, who)| who.map(|who| (who, *rule))).collect();
    for at in 0..standings.len() {
        let Some(standing) = standings.get_mut(at) else { continue };
        let (kept, twice) = std::mem::take(&mut standing.counted).into_iter().partition(|decision| {
            let elsewhere = counts.iter().find(|(who, _)| **who == decision.by).map(|(_, rule)| *rule);
            if elsewhere.is_none() {
                counts.push((&decision.by, at));
            }
            elsewhere.is_none_or(|rule| rule == at)
        });
        let twice: Vec<&Decision> = twice;
        standing.counted = kept;
        standing.void.extend(twice.into_iter().map(|decision| (decision, Void::Twice)));
    }
}

/// Finds somebody for a place, moving others to another place of theirs where that makes room (an augmenting path).
fn seat<'a>(
    standings: &[Standing<'a>],
    places: &[usize],
    taken: &mut [Option<&'a Actor>],
    place: usize,
    seen: &mut Vec<&'a Actor>,
) -> bool {
    let Some(standing) = places.get(place).and_then(|rule| standings.get(*rule)) else { return false };
    for decision in &standing.counted {
        let who = &decision.by;
        if seen.contains(&who) {
            continue;
        }
        seen.push(who);
        let before = taken.iter().position(|one| *one == Some(who));
        let free = before.is_none_or(|before| before != place && seat(standings, places, taken, before, seen));
        if free && let Some(seat) = taken.get_mut(place) {
            *seat = Some(who);
            return true;
        }
    }
    false
}

/// Returns why somebody may not decide in a role, before they try.
///
/// # Errors
///
/// A sentence: not a holder of the role, or the author.
pub fn may_decide(policy: &Policy, release: &Release, role: &ApproverRole, by: &Actor) -> Result<(), String> {
    if release.wrote(by) {
        return Err("you may not approve your own release".into());
    }
    if !policy.holds(role, by) {
        return Err(format!("{by} does not hold the role {role}"));
    }
    Ok(())
}

/// Returns each person's last word in each role, oldest first.
fn latest(release: &Release) -> Vec<&Decision> {
    let mut latest: Vec<&Decision> = Vec::new();
    for decision in &release.decisions {
        latest.retain(|before| before.by != decision.by || before.role != decision.role);
        latest.push(decision);
    }
    latest
}

fn void(policy: &Policy, release: &Release, rule: &Rule, decision: &Decision, of: &str, now: Timestamp) -> Option<Void> {
    if !policy.holds(&rule.role, &decision.by) {
        Some(Void::Role)
    } else if decision.of != of {
        Some(Void::Bytes)
    } else if release.wrote(&decision.by) {
        Some(Void::Author)
    } else if decision.plan != policy.fingerprint {
        Some(Void::Plan)
    } else if rule.expires.is_some_and(|expires| now.duration_since(decision.at) > expires || now.duration_since(decision.at) < -CLOCKS) {
        // One that is dated ahead of this clock would never end.
        Some(Void::Expired)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
