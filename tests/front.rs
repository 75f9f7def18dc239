//! The listener of a running service: the numbers of an outage that really happened, and the link by
//! which somebody takes it.

use std::sync::Arc;
use std::time::Duration;

use mystery_shopper::app::{Service, ServiceOptions};
use mystery_shopper::clock::Clock;
use mystery_shopper::demo::{City, Portal, PortalState};
use mystery_shopper::domain::incident::Incident;
use mystery_shopper::domain::token;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::{self, Plan};
use mystery_shopper::store::IncidentFilter;
use url::Url;

/// A probe whose page is not there, every second.
fn plan(folder: &std::path::Path, entry: &str) -> Plan {
    let text = format!(
        r#"
[agent]
name     = "test"
timezone = "Asia/Shanghai"
data_dir = "data"
[web]
listen = "127.0.0.1:0"
[[target]]
id    = "down"
name  = "示范市政务服务网"
entry = "{entry}no-such-page"
class = "test"
[[probe]]
id       = "home"
visit    = {{ within = "5s" }}
targets  = ["down"]
schedule = "* * * * * *"
"#
    );
    std::fs::write(folder.join("probes.toml"), text).unwrap();
    plan::load(folder, "probes.toml".as_ref(), &DiskFiles::new(folder)).unwrap().plan
}

async fn start(plan: &Plan) -> (Service, Url) {
    let options = ServiceOptions { confirm_pause: Duration::ZERO, ..ServiceOptions::default() };
    let service = Service::start(Arc::new(plan.clone()), options).await.unwrap();
    let at = service.listening().expect("it listens");
    (service, Url::parse(&format!("http://{at}/")).unwrap())
}

/// Waits until the outage is confirmed.
async fn outage(service: &Service) -> Incident {
    let mut runs = service.runs();
    loop {
        let open = IncidentFilter { open: true, ..IncidentFilter::default() };
        if let Some(incident) = service.store().incidents(open).await.unwrap().pop() {
            return incident;
        }
        runs.recv().await.expect("runs go on");
    }
}

/// The body of an answer, and its status.
async fn get(url: Url) -> (u16, String) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_counted_taken_by_its_link_and_still_taken_after_a_restart() {
    // reqwest brings no cryptography of its own; what is asked here speaks none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let portal =
        Portal::bind("127.0.0.1:0".parse().unwrap(), PortalState::new(Clock::system())).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), portal.url(City::Shifan).as_ref());
    let (service, at) = start(&plan).await;
    let incident = outage(&service).await;

    let (status, metrics) = get(at.join("metrics").unwrap()).await;
    assert_eq!(status, 200);
    for want in [
        "shopper_incidents_open{concern=\"outage\",severity=\"outage\"} 1\n",
        "shopper_runs_total{probe=\"home\",target=\"down\",verdict=\"pass\"} 0\n",
        "shopper_steps_total{probe=\"home\",outcome=\"broken\"}",
        "shopper_store_up 1\n",
        "shopper_pairs 1\n",
        "process_resident_memory_bytes ",
    ] {
        assert!(metrics.contains(want), "{want} is missing in\n{metrics}");
    }

    let key = service.store().link_key().await.unwrap();
    let clock = Clock::system();
    let link = token::link(&at, &key, &incident.id, &"oncall@test.example".into(), clock.now());
    let (status, page) = get(link.clone()).await;
    assert_eq!(status, 200);
    assert!(page.contains("示范市政务服务网"), "{page}");
    let (_, rest) = page.split_once("name=\"form\" value=\"").expect("a form");
    let form = rest.split_once('"').unwrap().0.to_owned();
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("form", form.as_str()), ("note", "已联系机房")])
        .finish();
    let pressed = reqwest::Client::new()
        .post(link.clone())
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", at.origin().ascii_serialization())
        .body(body);
    // The redirect leads back to the page.
    let page = pressed.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("oncall@test.example") && page.contains("已联系机房"), "{page}");
    service.stop().await;

    let (service, again) = start(&plan).await;
    let mut link = link;
    link.set_port(again.port()).unwrap();
    let (status, page) = get(link).await;
    assert_eq!(status, 200, "the key is the same");
    assert!(page.contains("已联系机房") && !page.contains("<form"), "{page}");
    service.stop().await;
    portal.stop().await;
}
