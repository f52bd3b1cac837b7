//! The driver's lock over the API: consoles that meet on one Lease, on paused time.

mod server;

use std::time::Duration;

use rolldeck::adapter::kubernetes::lock::{Driving, Gate, Locks, Preface, keep};
use rolldeck::domain::change::{ChangeError, Request};
use rolldeck::domain::driver::{Drive, Holder, Seat, Standing, Terms};
use rolldeck::domain::id::{RolloutId, Scope};
use rolldeck::domain::object::{ObjectRef, Part};
use rolldeck::domain::plan::{EngineKind, Target, Workload};
use rolldeck::domain::verb::Refusal;
use rolldeck::port::engine::{Event, Telling};
use serde_json::json;
use server::Server;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

fn id() -> RolloutId {
    RolloutId { environment: "production".into(), service: "backend".into(), workload: "backend".into() }
}

fn seat() -> Seat {
    Seat::of(&id())
}

/// One console's locks with their keeper.
struct Console {
    locks: Locks,
    tell: mpsc::Sender<(Seat, Telling)>,
    events: mpsc::Receiver<Event>,
    keeper: JoinHandle<()>,
}

impl Console {
    fn start(server: &Server, user: &str) -> Self {
        let workload = Workload {
            id: id(),
            engine: EngineKind::Kubernetes,
            context: Some("prod".into()),
            namespace: "booking".into(),
            target: Target::Deployment { name: "backend".into() },
            image: None,
            container: None,
        };
        let driving = Driving { user: user.into(), console: format!("{user}-host:1"), terms: Terms::default() };
        let locks = Locks::new(Some(driving), &[workload]);
        let scope = Scope::from("prod");
        locks.connected(&scope, server.client());
        let (tell, told) = mpsc::channel(8);
        let (events, heard) = mpsc::channel(256);
        let keeper = tokio::spawn(keep(locks.clone(), scope, told, events));
        Self { locks, tell, events: heard, keeper }
    }

    fn standing(&self) -> Standing {
        self.locks.standing(&seat()).unwrap()
    }

    fn word(&self) -> &'static str {
        match self.standing() {
            Standing::Unknown => "unknown",
            Standing::Free { .. } => "free",
            Standing::Mine { .. } => "mine",
            Standing::Theirs { .. } => "theirs",
            Standing::Expired { .. } => "expired",
            Standing::Lapsed { .. } => "lapsed",
            Standing::Unavailable { .. } => "unavailable",
        }
    }

    async fn order(&self, act: Drive) -> Result<(), ChangeError> {
        let preview = self.locks.preview(&id(), &act).await?;
        let [request] = preview.requests.as_slice() else { panic!("{:?}", preview.requests) };
        Gate::before(self.locks.clone(), seat(), false).pass(request).await.expect("a request of the lock").map(drop)
    }

    /// Whether another request may leave.
    async fn may(&self) -> Result<(), ChangeError> {
        let other = Request {
            purpose: String::new(),
            method: "PATCH".into(),
            path: "/".into(),
            content_type: String::new(),
            body: String::new(),
            object: ObjectRef {
                part: Part::Workload,
                kind: "Deployment".into(),
                namespace: "booking".into(),
                name: "backend".into(),
                uid: "u".into(),
                version: "1".into(),
            },
            then: None,
        };
        Gate::before(self.locks.clone(), seat(), true).pass(&other).await.map_or(Ok(()), |held| held.map(drop))
    }

    fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

/// Lets the tasks do what they have to.
async fn settle() {
    sleep(Duration::from_millis(50)).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_who_want_it_one_gets_it_and_the_other_learns_from_whom_nothing_was_sent() {
    let server = Server::default();
    let (ana, bea) = (Console::start(&server, "ana"), Console::start(&server, "bea"));
    settle().await;
    assert_eq!((ana.word(), bea.word()), ("free", "free"));
    // Both have the dialog open; both confirm.
    let of = async |console: &Console| match console.locks.preface(&seat()).await.unwrap().unwrap() {
        Preface::Request(request, leads_to) => (request, leads_to),
        Preface::Warning(why) => panic!("{why}"),
    };
    let ((first, leads_to), (second, _)) = (of(&ana).await, of(&bea).await);
    assert_eq!(leads_to, "You become the driver of backend in production");
    let pass = async |console: &Console, request| Gate::before(console.locks.clone(), seat(), true).pass(request).await.unwrap();
    pass(&ana, &first).await.unwrap();
    let lost = pass(&bea, &second).await.unwrap_err();
    assert!(matches!(&lost, ChangeError::Refused(Refusal::DrivenBy { holder, .. }) if holder == "ana"), "{lost:?}");
    assert_eq!(server.written(), ["POST"]);
    settle().await;
    assert_eq!((ana.word(), bea.word()), ("mine", "theirs"));
    assert!(ana.may().await.is_ok());
    assert!(bea.may().await.is_err());
    assert!(ana.locks.preface(&seat()).await.unwrap().is_none(), "what is had is not taken again");
    assert!(matches!(bea.locks.preface(&seat()).await, Err(ChangeError::Refused(Refusal::DrivenBy { .. }))));
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_renewed_as_long_as_its_console_lives_and_expires_by_what_others_see() {
    let server = Server::default();
    let (ana, bea) = (Console::start(&server, "ana"), Console::start(&server, "bea"));
    ana.order(Drive::Take).await.unwrap();
    sleep(Duration::from_secs(120)).await;
    assert_eq!((ana.word(), bea.word()), ("mine", "theirs"));
    // Killed: nothing renews, nothing lets go.
    ana.keeper.abort();
    sleep(Duration::from_secs(19)).await;
    assert_eq!(bea.word(), "theirs");
    assert!(bea.order(Drive::Take).await.is_err());
    sleep(Duration::from_secs(12)).await;
    assert_eq!(bea.word(), "expired");
    assert!(ana.may().await.is_err());
    bea.order(Drive::Take).await.unwrap();
    assert_eq!(bea.word(), "mine");
}

#[tokio::test(start_paused = true)]
async fn who_is_taken_over_reads_the_reason_at_once_and_may_send_no_more() {
    let server = Server::default();
    let (mut ana, bea) = (Console::start(&server, "ana"), Console::start(&server, "bea"));
    ana.order(Drive::Take).await.unwrap();
    settle().await;
    ana.told();
    bea.order(Drive::TakeOver { reason: "ana is on the train".into() }).await.unwrap();
    settle().await;
    let heard = ana.told();
    assert!(
        heard.iter().any(|event| matches!(event, Event::Lock { standing: Standing::Theirs { holder, reason: Some(reason), .. }, .. }
            if holder.name == "bea" && reason == "ana is on the train")),
        "{heard:?}"
    );
    assert!(ana.may().await.is_err());
    assert!(bea.may().await.is_ok());
    assert_eq!(server.lease().unwrap()["spec"]["leaseTransitions"], json!(1));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_asks_and_the_driver_hands_over_to_it() {
    let server = Server::default();
    let (ana, bea) = (Console::start(&server, "ana"), Console::start(&server, "bea"));
    ana.order(Drive::Take).await.unwrap();
    settle().await;
    bea.tell.send((seat(), Telling::Ask)).await.unwrap();
    settle().await;
    let Standing::Mine { asked: Some(asked), .. } = ana.standing() else { panic!("{:?}", ana.standing()) };
    assert_eq!(asked.to_string(), "bea (bea-host:1)");
    ana.order(Drive::HandOver { to: asked }).await.unwrap();
    assert!(ana.may().await.is_err());
    settle().await;
    assert_eq!((ana.word(), bea.word()), ("theirs", "mine"));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(bea.word(), "mine", "it is renewed by who got it");
}

#[tokio::test(start_paused = true)]
async fn a_lock_handed_to_a_dead_console_is_free_when_its_time_is_over() {
    let server = Server::default();
    let ana = Console::start(&server, "ana");
    ana.order(Drive::Take).await.unwrap();
    ana.order(Drive::HandOver { to: Holder { name: "cyd".into(), console: "gone:1".into(), tag: "0".into() } }).await.unwrap();
    sleep(Duration::from_secs(31)).await;
    assert_eq!(ana.word(), "expired");
}

#[tokio::test(start_paused = true)]
async fn what_was_done_for_the_way_back_reaches_the_driver_and_prolongs_nothing() {
    let server = Server::default();
    let (ana, bea) = (Console::start(&server, "ana"), Console::start(&server, "bea"));
    ana.order(Drive::Take).await.unwrap();
    settle().await;
    bea.tell.send((seat(), Telling::Did("bea aborted backend production".into()))).await.unwrap();
    settle().await;
    assert!(matches!(ana.standing(), Standing::Mine { told: Some(told), .. } if told == "bea aborted backend production"));
    ana.keeper.abort();
    sleep(Duration::from_secs(29)).await;
    bea.tell.send((seat(), Telling::Ask)).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(bea.word(), "expired");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_for_longer_than_the_lease_stops_the_holder_before_it_could_be_stolen() {
    let server = Server::default();
    let (mut ana, bea) = (Console::start(&server, "ana"), Console::start(&server, "bea"));
    ana.order(Drive::Take).await.unwrap();
    settle().await;
    server.silent(true);
    sleep(Duration::from_secs(19)).await;
    assert!(ana.may().await.is_ok());
    sleep(Duration::from_secs(2)).await;
    assert!(ana.may().await.is_err());
    assert!(ana.told().iter().any(|event| matches!(event, Event::Lock { standing: Standing::Lapsed { .. }, .. })));
    assert_eq!(bea.word(), "theirs", "a third of the duration lies between");
    sleep(Duration::from_secs(20)).await;
    // It is back, nobody took it: the record is still its own.
    server.silent(false);
    sleep(Duration::from_secs(8)).await;
    assert_eq!((ana.word(), bea.word()), ("mine", "theirs"));
}

#[tokio::test(start_paused = true)]
async fn who_finds_it_taken_when_the_link_is_back_says_by_whom() {
    let server = Server::default();
    let ana = Console::start(&server, "ana");
    ana.order(Drive::Take).await.unwrap();
    server.silent(true);
    sleep(Duration::from_secs(40)).await;
    server.put(|lease| {
        lease["spec"]["holderIdentity"] = json!("bea@bea-host:1#b");
        lease["spec"]["leaseTransitions"] = json!(1);
    });
    server.silent(false);
    sleep(Duration::from_secs(8)).await;
    assert!(matches!(ana.standing(), Standing::Theirs { holder, .. } if holder.name == "bea"));
    assert_eq!(server.holder(), "bea@bea-host:1#b");
}

#[tokio::test(start_paused = true)]
async fn another_write_between_read_and_renewal_is_no_loss() {
    let server = Server::default();
    let ana = Console::start(&server, "ana");
    ana.order(Drive::Take).await.unwrap();
    settle().await;
    for second in 0..30 {
        server.put(|lease| lease["metadata"]["annotations"]["someone"] = json!(second.to_string()));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(ana.word(), "mine");
    }
}

#[tokio::test(start_paused = true)]
async fn leaving_lets_it_go_and_deleting_it_stops_its_holder() {
    let server = Server::default();
    let (ana, bea) = (Console::start(&server, "ana"), Console::start(&server, "bea"));
    ana.order(Drive::Take).await.unwrap();
    drop(ana.tell);
    ana.keeper.await.unwrap();
    settle().await;
    assert_eq!(server.holder(), "");
    assert!(matches!(bea.standing(), Standing::Free { former: Some(former), .. } if former.name == "ana"));
    bea.order(Drive::Take).await.unwrap();
    settle().await;
    server.delete();
    settle().await;
    assert_eq!(bea.word(), "free");
    assert!(bea.may().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn without_the_right_nothing_is_locked_and_the_dialog_says_so() {
    let server = Server::default();
    server.forbid(&["write"]);
    let ana = Console::start(&server, "ana");
    settle().await;
    let Some(Preface::Warning(why)) = ana.locks.preface(&seat()).await.unwrap() else { panic!() };
    assert_eq!(why, "not locked: no right to create leases in booking");
    assert!(ana.may().await.is_ok());
    let refused = ana.order(Drive::Take).await.unwrap_err();
    assert!(refused.to_string().contains("no right to create leases in booking"), "{refused}");

    server.forbid(&["list", "get", "write"]);
    let bea = Console::start(&server, "bea");
    sleep(Duration::from_secs(10)).await;
    assert!(matches!(bea.standing(), Standing::Unavailable { why } if why == "no right to list leases in booking"));
    assert!(matches!(bea.locks.preface(&seat()).await.unwrap(), Some(Preface::Warning(why)) if why.contains("leases in booking")));
    assert!(bea.may().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_dialog_that_is_read_for_longer_than_a_renewal_takes_is_still_good() {
    let server = Server::default();
    let (ana, bea) = (Console::start(&server, "ana"), Console::start(&server, "bea"));
    ana.order(Drive::Take).await.unwrap();
    let send = async |console: &Console, act: Drive| {
        settle().await;
        let preview = console.locks.preview(&id(), &act).await.unwrap();
        sleep(Duration::from_secs(25)).await;
        Gate::before(console.locks.clone(), seat(), false).pass(&preview.requests[0]).await.unwrap().map(drop)
    };
    send(&bea, Drive::TakeOver { reason: "the train".into() }).await.unwrap();
    assert_eq!(bea.word(), "mine");
    send(&bea, Drive::Release).await.unwrap();
    assert_eq!(server.holder(), "");
}
