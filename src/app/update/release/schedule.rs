//! A start at a set time: armed in a dialog that shows its exact requests, and begun by this console alone while it is open and
//! the gate holds. A console that is gone starts nothing.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{announce, append, start};
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::model::dialog::Question;
use crate::app::model::notices::Tone;
use crate::app::model::releases::Armed;
use crate::app::update::{Turn, confirm, jobs, order, prompt};
use crate::domain::change::{ChangeError, Preview, Request};
use crate::domain::id::ReleaseId;
use crate::domain::release::record::Body;
use crate::domain::release::{Release, Schedule};
use crate::domain::spoken;
use crate::port::Seq;
use crate::port::engine::Command;

/// A console that slept through its time by so much begins nothing: nobody expects it any more.
const LATE: SignedDuration = SignedDuration::from_mins(2);

/// Asks for the time.
pub(super) fn ask(model: &mut Model, release: &Release, turn: &mut Turn) {
    let _ = turn;
    let zone = zone(model, release);
    let known = release.schedule.as_ref().map(|schedule| schedule.at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string());
    prompt::open(model, Question::Schedule { release: release.id.clone() }, known.unwrap_or_default());
}

/// Takes a time that was typed, and shows what will be sent then; nothing typed takes the start back.
pub(super) fn typed(model: &mut Model, id: &ReleaseId, text: &str, turn: &mut Turn) -> Result<(), String> {
    let release = model.releases.get(id).cloned().ok_or("the release is not there any more")?;
    if text.is_empty() {
        model.overlay = None;
        model.releases.armed.remove(id);
        if release.schedule.is_some() {
            append::append(model, id, vec![Body::Scheduled { schedule: None }], true, turn);
        }
        return Ok(());
    }
    let at = spoken::moment(text, model.now, &zone(model, &release))?;
    let (rollout, order) = start::ship(model, &release).ok_or("it is not known what it would ship")?;
    model.able(&rollout, order.verb()).map_err(|refusal| refusal.to_string())?;
    confirm::arm(model, rollout, order, (id.clone(), at), turn);
    Ok(())
}

/// The dialog was confirmed: the start is armed, and the record says where.
pub(in crate::app::update) fn armed(model: &mut Model, id: &ReleaseId, at: Timestamp, preview: Preview, turn: &mut Turn) {
    let Some(release) = model.releases.get(id) else { return };
    let (by, _) = model.person(&release.brief.environment);
    let shown = preview.requests.iter().map(line).collect();
    let schedule = Schedule { at, by, console: model.console.clone(), shown };
    if append::append(model, id, vec![Body::Scheduled { schedule: Some(Box::new(schedule)) }], true, turn).is_some() {
        model.releases.armed.insert(id.clone(), Armed { at, preview: Box::new(preview), again: None });
        let text = "armed: it begins by itself while this console is open and the gate holds";
        model.notices.add(model.now, Tone::Warn, None, text);
    }
}

fn line(request: &Request) -> String {
    format!("{} {} {}", request.method, request.path, request.body)
}

/// A second passed: what is due is read again, and what somebody else took back is forgotten.
pub(in crate::app::update) fn tick(model: &mut Model, turn: &mut Turn) {
    let due: Vec<(ReleaseId, Armed)> =
        model.releases.armed.iter().filter(|(_, armed)| armed.at <= model.now).map(|(id, armed)| (id.clone(), armed.clone())).collect();
    for (id, armed) in due {
        let late = model.now.duration_since(armed.at);
        if armed.again.is_some() && late < LATE {
            continue;
        }
        match fit(model, &id, &armed, late) {
            Ok(()) => {
                let kind = model.plan.workload(&armed.preview.rollout).map(|workload| workload.engine);
                let Some(kind) = kind else { continue };
                let seq = model.jobs.seq.advance();
                if let Some(armed) = model.releases.armed.get_mut(&id) {
                    armed.again = Some(seq);
                }
                let (rollout, order) = (armed.preview.rollout.clone(), armed.preview.order.clone());
                turn.push(Effect::Engine(kind, Command::Preview { seq, rollout, order }));
            }
            Err(why) => disarm(model, &id, &why, turn),
        }
    }
}

/// Returns whether an armed start may go now.
fn fit(model: &Model, id: &ReleaseId, armed: &Armed, late: SignedDuration) -> Result<(), String> {
    let release = model.releases.get(id).ok_or("the release is not there any more")?;
    let mine = |schedule: &&Schedule| schedule.console == model.console && schedule.at == armed.at;
    if !release.schedule.as_ref().is_some_and(|schedule| mine(&schedule)) {
        return Err("somebody took it back".into());
    }
    if late >= LATE {
        return Err(format!("its time was {} s ago", late.as_secs()));
    }
    let preview = &armed.preview;
    model.able(&preview.rollout, preview.order.verb()).map_err(|refusal| refusal.to_string())?;
    model.admits(&preview.rollout, &preview.order).map_err(|refusal| refusal.to_string())
}

/// Takes what was read when the time came: the same as was confirmed goes, anything else does not.
pub(in crate::app::update) fn previewed(model: &mut Model, seq: Seq, result: &Result<Box<Preview>, ChangeError>, turn: &mut Turn) -> bool {
    let of_it = model.releases.armed.iter().find(|(_, armed)| armed.again == Some(seq));
    let Some((id, armed)) = of_it.map(|(id, armed)| (id.clone(), armed.clone())) else { return false };
    let late = model.now.duration_since(armed.at);
    let judged = match result {
        Err(error) => Err(error.to_string()),
        Ok(now) => fit(model, &id, &armed, late).and_then(|()| same(&armed.preview, now)),
    };
    match (judged, result) {
        (Ok(()), Ok(now)) => {
            model.releases.armed.remove(&id);
            let label = order::label(&now.order, model.rollout(&now.rollout).map(AsRef::as_ref));
            let text = format!("{label}: begins by itself, as it was armed");
            model.notices.add(model.now, Tone::Warn, Some(now.rollout.clone()), text.clone());
            announce::call(model, text, turn);
            jobs::begin(model, (**now).clone(), label, turn);
        }
        (Err(why), _) => disarm(model, &id, &why, turn),
        (Ok(()), Err(_)) => {}
    }
    true
}

/// Returns whether two readings come to the same but for the versions of the objects, which move by themselves.
fn same(shown: &Preview, now: &Preview) -> Result<(), String> {
    let place = |request: &Request| (request.method.clone(), request.path.clone(), request.object.name.clone(), request.object.uid.clone());
    if shown.from != now.from || shown.to != now.to {
        let said = |preview: &Preview| format!("{} → {}", preview.from.as_deref().unwrap_or("?"), preview.to.as_deref().unwrap_or("?"));
        return Err(format!("it would go {} and not {}", said(now), said(shown)));
    }
    let alike = shown.requests.len() == now.requests.len()
        && shown.requests.iter().zip(&now.requests).all(|(one, other)| place(one) == place(other) && bare(one) == bare(other));
    if alike { Ok(()) } else { Err("its requests are not those that were confirmed".into()) }
}

/// Returns a body without what tests or names an object's version.
fn bare(request: &Request) -> serde_json::Value {
    let mut body: serde_json::Value = serde_json::from_str(&request.body).unwrap_or_else(|_| request.body.clone().into());
    if let Some(list) = body.as_array_mut() {
        list.retain(|operation| operation.get("op").and_then(serde_json::Value::as_str) != Some("test"));
    }
    if let Some(metadata) = body.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
        metadata.remove("resourceVersion");
        metadata.remove("generation");
    }
    body
}

/// The start does not happen: said here, on the record, and to whoever looks elsewhere.
fn disarm(model: &mut Model, id: &ReleaseId, why: &str, turn: &mut Turn) {
    model.releases.armed.remove(id);
    let Some(release) = model.releases.get(id).cloned() else { return };
    let text = format!("{}: the armed start did not happen: {why}", release.brief.route());
    model.notices.add(model.now, Tone::Bad, None, text.clone());
    announce::call(model, text, turn);
    let mine = |schedule: &Schedule| schedule.console == model.console;
    if release.schedule.as_ref().is_some_and(mine) {
        let note = Body::Noted { text: format!("the armed start did not happen: {why}"), log: false };
        append::append(model, id, vec![Body::Scheduled { schedule: None }, note], false, turn);
    }
}

/// Returns the zone in which times are typed: the windows' own.
fn zone(model: &Model, release: &Release) -> TimeZone {
    let calendar = model.policy(&release.brief.environment).map(|policy| &policy.calendar);
    let of_windows = calendar.and_then(|calendar| calendar.zone.clone().or_else(|| Some(calendar.windows.first()?.opens.zone().clone())));
    of_windows.unwrap_or_else(|| model.zone.clone())
}
