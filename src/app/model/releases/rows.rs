//! The rows of a release's screen: the checklists that matter in its phase, and its approvals. The screen draws them, and the
//! cursor moves over them.

use super::{Model, Run};
use crate::domain::id::ReleaseId;
use crate::domain::release::approval::{self, Decision, Void};
use crate::domain::release::checklist::{self, Item, Stage, Standing, Verdict};
use crate::domain::release::record::Body;
use crate::domain::release::{Phase, Release};

/// How much of a list is settled: the items that must pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: usize,
    pub of: usize,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// The heading of a checklist.
    Stage {
        stage: Stage,
        count: Count,
    },
    /// The heading of a category.
    Category {
        name: &'a str,
        count: Count,
    },
    Item(ItemRow<'a>),
    /// The heading of the approvals.
    Approvals {
        count: Count,
    },
    /// One rule.
    Rule(approval::Standing<'a>),
    /// What somebody said in the role of the rule above, and why it does not count.
    Decision {
        decision: &'a Decision,
        void: Option<Void>,
    },
}

/// An item as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRow<'a> {
    pub item: &'a Item,
    pub standing: Standing<'a>,
    /// Its check, while it runs or waits for its turn.
    pub run: Option<&'a Run>,
    /// What was said of it here and is not answered by the store yet; pending: its tick is being taken back.
    pub sent: Option<Verdict>,
}

impl Row<'_> {
    /// Returns whether the cursor may stand on it.
    pub fn selectable(&self) -> bool {
        matches!(self, Self::Item(_) | Self::Rule(_) | Self::Decision { .. })
    }
}

/// Returns the checklists that matter in a phase, the one that is worked through first.
pub fn stages(phase: Phase) -> &'static [Stage] {
    match phase {
        Phase::Draft | Phase::Checking | Phase::Ready | Phase::Aborted => &[Stage::Before],
        Phase::InProgress | Phase::Verifying | Phase::Done => &[Stage::After, Stage::Before],
        Phase::RolledBack => &[Stage::Back, Stage::After, Stage::Before],
    }
}

/// Returns the rows of a release's screen.
pub fn rows<'a>(model: &'a Model, id: &ReleaseId) -> Vec<Row<'a>> {
    let Some(release) = model.releases.get(id) else { return Vec::new() };
    let Some(policy) = model.policy(&release.brief.environment) else { return Vec::new() };
    let mut rows = Vec::new();
    let (now, fingerprint) = (model.now, release.fingerprint());
    let mut stages = stages(release.phase).iter();
    let first = stages.next();
    let of = |stage: Stage| -> Vec<ItemRow<'a>> {
        let of_it = policy.items.iter().filter(|item| item.stage == stage && applies(item, release));
        of_it
            .map(|item| ItemRow {
                item,
                standing: checklist::standing(item, release.outcomes.get(&item.id), &fingerprint, now),
                run: model.releases.running(id, &item.id),
                sent: sent(model, id, item),
            })
            .collect()
    };
    // The approvals stand under the list that is worked through; those that are behind it come last.
    if let Some(stage) = first {
        list(&mut rows, *stage, &of(*stage));
    }
    let rules = approval::standing(policy, release, now);
    if !rules.is_empty() {
        let passed = rules.iter().map(|rule| rule.counted.len().min(rule.rule.count as usize)).sum();
        rows.push(Row::Approvals { count: Count { passed, of: rules.iter().map(|rule| rule.rule.count as usize).sum() } });
    }
    for rule in rules {
        let refused = rule.refused.map(|decision| (decision, None));
        let counted = rule.counted.iter().map(|decision| (*decision, None));
        let void = rule.void.iter().map(|(decision, void)| (*decision, Some(*void)));
        let said: Vec<_> = refused.into_iter().chain(counted).chain(void).collect();
        rows.push(Row::Rule(rule));
        rows.extend(said.into_iter().map(|(decision, void)| Row::Decision { decision, void }));
    }
    for stage in stages {
        list(&mut rows, *stage, &of(*stage));
    }
    rows
}

/// Adds a checklist, category by category in the order of the plan.
fn list<'a>(rows: &mut Vec<Row<'a>>, stage: Stage, items: &[ItemRow<'a>]) {
    if items.is_empty() {
        return;
    }
    rows.push(Row::Stage { stage, count: count(items.iter()) });
    let mut categories: Vec<&str> = Vec::new();
    for row in items {
        if !categories.contains(&row.item.category.as_str()) {
            categories.push(&row.item.category);
        }
    }
    for name in categories {
        let of_it = || items.iter().filter(|row| row.item.category == name);
        rows.push(Row::Category { name, count: count(of_it()) });
        rows.extend(of_it().cloned().map(Row::Item));
    }
}

fn count<'a, 'b: 'a>(items: impl Iterator<Item = &'a ItemRow<'b>>) -> Count {
    items.filter(|row| row.item.required).fold(Count::default(), |count, row| Count {
        passed: count.passed + usize::from(row.standing.verdict == Verdict::Pass),
        of: count.of + 1,
    })
}

fn applies(item: &Item, release: &Release) -> bool {
    item.applies(release.brief.kind, release.brief.class.as_deref())
}

/// Returns what was said of an item here and is on its way to the store.
pub fn sent(model: &Model, id: &ReleaseId, item: &Item) -> Option<Verdict> {
    model
        .releases
        .sent(id)
        .filter_map(|body| match body {
            Body::Checked { item: of, outcome, .. } if *of == item.id => Some(outcome.verdict),
            Body::Cleared { item: of } if *of == item.id => Some(Verdict::Pending),
            _ => None,
        })
        .last()
}

/// Returns the row under the cursor: the one it was put on, or the first below it where a list began anew under it.
pub fn under<'r, 'a>(model: &Model, rows: &'r [Row<'a>]) -> Option<&'r Row<'a>> {
    rows.get(here(model, rows))
}

/// Returns the index of the row under the cursor.
pub fn here(model: &Model, rows: &[Row<'_>]) -> usize {
    nearest(rows, model.nav.release.at, false)
}

/// Returns the index of the next row that keeps the gate shut, on from one and around the end.
pub fn next_open(rows: &[Row<'_>], from: usize, back: bool) -> Option<usize> {
    let open = |at: &usize| match rows.get(*at) {
        Some(Row::Item(row)) => row.item.required && row.standing.verdict != Verdict::Pass && row.sent.is_none(),
        Some(Row::Rule(rule)) => !rule.met(),
        _ => false,
    };
    if back {
        (0..from.min(rows.len())).rev().chain((from..rows.len()).rev()).find(open)
    } else {
        (from + 1..rows.len()).chain(0..rows.len()).find(open)
    }
}

/// Returns the index of the first row that the cursor may stand on, from `from` on in the direction, else in the other one.
pub fn nearest(rows: &[Row<'_>], from: usize, back: bool) -> usize {
    let from = from.min(rows.len().saturating_sub(1));
    let fits = |at: &usize| rows.get(*at).is_some_and(Row::selectable);
    let (down, up) = ((from..rows.len()).find(fits), (0..=from).rev().find(fits));
    if back { up.or(down) } else { down.or(up) }.unwrap_or(from)
}
