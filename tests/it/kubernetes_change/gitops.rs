//! What Argo CD and Flux are set to do, read from their own objects as a server holds them.

use rolldeck::adapter::kubernetes::gitops::{Reading, State, key, read};
use rolldeck::domain::object::Owner;
use serde_json::{Value, json};

use super::fake::Fake;

fn owner(kind: &str, namespace: &str, name: &str) -> Owner {
    Owner { tool: "x".into(), kind: kind.into(), namespace: namespace.into(), name: name.into(), consequence: String::new() }
}

fn application(automated: &Value) -> Value {
    json!({"spec": {"syncPolicy": {"automated": automated}}})
}

#[tokio::test]
async fn each_owner_is_read_where_it_is_and_one_that_is_not_there_is_unknown() {
    let argo = "/apis/argoproj.io/v1alpha1";
    let fake = Fake::with(&[
        (&format!("{argo}/namespaces/argocd/applications/healing"), application(&json!({"selfHeal": true}))),
        (&format!("{argo}/namespaces/teams/applications/plain"), application(&json!({}))),
        (&format!("{argo}/namespaces/argocd/applications/off"), application(&json!({"enabled": false, "selfHeal": true}))),
        (&format!("{argo}/namespaces/argocd/applications/manual"), json!({"spec": {}})),
        (&format!("{argo}/applications?fieldSelector=metadata.name%3Dfar"), json!({"items": [application(&json!({"selfHeal": true}))]})),
        ("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux/kustomizations/apps", json!({"spec": {"interval": "10m", "suspend": true}})),
        (
            "/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux/helmreleases/web",
            json!({"spec": {"interval": "5m", "driftDetection": {"mode": "enabled"}}}),
        ),
    ]);
    let application = |automated, self_heal| State::Application { automated, self_heal };
    let table = [
        (owner("Application", "", "healing"), application(true, true)),
        (owner("Application", "teams", "plain"), application(true, false)),
        (owner("Application", "", "off"), application(false, false)),
        (owner("Application", "", "manual"), application(false, false)),
        (owner("Application", "", "far"), application(true, true)),
        (owner("Application", "", "gone"), State::Unknown("Application gone is not there".into())),
        (owner("Kustomization", "flux", "apps"), State::Kustomization { suspended: true, interval: "10m".into() }),
        (owner("HelmRelease", "flux", "web"), State::HelmRelease { suspended: false, interval: "5m".into(), drift: "enabled".into() }),
    ];
    let states = read(&fake.accepting(), table.iter().map(|(owner, _)| key(owner)).collect()).await;
    for (owner, state) in &table {
        assert_eq!(states.get(&key(owner)), Some(state), "{owner:?}");
    }
    assert_eq!(fake.written(), []);
}

#[test]
fn owners_are_read_once_a_minute_and_each_once() {
    let all = [owner("Application", "", "web"), owner("Application", "", "web"), owner("release", "n", "web")];
    let mut reading = Reading::default();
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    assert_eq!(reading.due(at(0), [].iter()), [], "nobody to read, and no minute begins");
    assert_eq!(reading.due(at(1), all.iter()).len(), 1);
    assert_eq!(reading.due(at(60), all.iter()).len(), 0);
    assert_eq!(reading.due(at(61), all.iter()).len(), 1);
}
