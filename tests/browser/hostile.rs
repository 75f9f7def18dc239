//! Pages that fight back, programs that die or freeze: the slot is freed, nothing stays.

use std::time::Duration;

use mystery_shopper::browser::{BrowserError, Guard, Journey, JourneyOptions, Pool, StepError};
use mystery_shopper::clock::{Deadline, Stopwatch};
use mystery_shopper::domain::scenario::{Check, Verb};
use rustix::process::{Pid, Signal, kill_process};

use crate::world::*;

const PAGES: &[(&str, &str)] = &[
    ("/", "<title>好</title><button id=b onclick=\"document.title='按了'\">按</button>"),
    ("/loop", "<title>环</title><button id=b onclick='for(;;);'>按</button>"),
    ("/alerts", "<title>警</title><button id=b onclick=\"for(;;) alert('还在')\">按</button>"),
    (
        "/windows",
        "<title>窗</title><button id=b onclick=\"for (let i = 0; i < 50; i++) open('/', 'w' + i, 'width=100,height=100')\">按</button>",
    ),
    (
        "/noise",
        "<title>噪</title><script>for (let i = 0; i < 3000; i++) console.error('x'.repeat(500) + i);</script>",
    ),
    (
        "/stay",
        "<title>留</title><button id=b>按</button><script>addEventListener('beforeunload', (e) => { e.preventDefault(); e.returnValue = 'x'; });</script>",
    ),
];

/// The next journey gets a browser that works.
async fn goes_on(world: &World) {
    let mut journey = world.at("/").await;
    click(&mut journey, css("#b")).await.unwrap();
    expect(&mut journey, Check::Title(contains("按了"))).await.unwrap();
    journey.close().await;
}

async fn close_quickly(journey: Journey) {
    let group = journey.process_group().unwrap();
    let watch = Stopwatch::start();
    journey.close().await;
    assert!(watch.elapsed_ms() < 6_000, "{}", watch.elapsed_ms());
    assert!(crate::world::group(group).is_empty());
}

#[tokio::test]
async fn a_page_that_loops_for_ever_is_the_pages_fault() {
    let world = World::of(PAGES).await;
    let mut journey = world.at("/loop").await;
    let watch = Stopwatch::start();
    match act_within(&mut journey, Verb::Click(css("#b")), 1_500).await {
        Err(StepError::Loading(why)) => assert!(why.contains("scripts"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(watch.elapsed_ms() < 5_000, "{}", watch.elapsed_ms());
    let facts = journey.facts(soon(1)).await;
    assert!(facts.url.ends_with("/loop"));
    close_quickly(journey).await;
    goes_on(&world).await;
    world.end().await;
}

#[tokio::test]
async fn an_endless_row_of_alerts_ends() {
    let world = World::of(PAGES).await;
    let mut journey = world.at("/alerts").await;
    match act_within(&mut journey, Verb::Click(css("#b")), 5_000).await {
        Err(StepError::Loading(why)) => assert!(why.contains("dialogs"), "{why}"),
        other => panic!("{other:?}"),
    }
    let facts = journey.facts(soon(1)).await;
    assert_eq!(facts.dialogs.len(), 20);
    close_quickly(journey).await;
    goes_on(&world).await;
    world.end().await;
}

#[tokio::test]
async fn fifty_windows_are_closed_and_the_browser_replaced() {
    let world = World::of(PAGES).await;
    let mut journey = world.at("/windows").await;
    let _ = act_within(&mut journey, Verb::Click(css("#b")), 8_000).await;
    let facts = journey.facts(soon(2)).await;
    assert!(facts.popups >= 20, "{}", facts.popups);
    close_quickly(journey).await;
    goes_on(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_noisy_page_fills_nothing_and_one_that_wants_to_stay_is_left() {
    let world = World::of(PAGES).await;
    let mut journey = world.at("/noise").await;
    let facts = journey.facts(soon(5)).await;
    assert_eq!(facts.console_errors.len(), 50);
    assert!(facts.console_errors.iter().all(|error| error.text.chars().count() <= 300));
    goto(&mut journey, &world.url("/stay")).await.unwrap();
    click(&mut journey, css("#b")).await.unwrap();
    goto(&mut journey, &world.url("/")).await.unwrap();
    assert_eq!(journey.facts(soon(2)).await.title, "好");
    journey.close().await;
    world.end().await;
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// The first process of the journey's group whose command line fits.
fn member(journey: &Journey, fits: impl Fn(&str) -> bool) -> u32 {
    let members = group(journey.process_group().unwrap());
    members.iter().find(|(_, cmdline)| fits(cmdline)).unwrap_or_else(|| panic!("{members:?}")).0
}

fn is_browser(cmdline: &str) -> bool {
    cmdline.contains("--user-data-dir") && !cmdline.contains("--type=")
}

type Fits = fn(&str) -> bool;

#[tokio::test]
async fn whatever_is_killed_or_frozen_is_our_own_fault_and_cleared() {
    let world = World::of(PAGES).await;
    let cases: [(&str, Fits, Signal); 4] = [
        ("driver killed", |c| c.contains("chromedriver"), Signal::KILL),
        ("browser killed", is_browser, Signal::KILL),
        ("driver frozen", |c| c.contains("chromedriver"), Signal::STOP),
        ("browser frozen", is_browser, Signal::STOP),
    ];
    for (name, fits, signal) in cases {
        let mut journey = world.at("/").await;
        kill(member(&journey, fits), signal);
        let watch = Stopwatch::start();
        match act_within(&mut journey, Verb::Click(css("#b")), 1_000).await {
            Err(StepError::Browser(BrowserError::Died(_) | BrowserError::Hung(_))) => {}
            other => panic!("{name}: {other:?}"),
        }
        assert!(watch.elapsed_ms() < 5_000, "{name}: {}", watch.elapsed_ms());
        close_quickly(journey).await;
        goes_on(&world).await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_killed_renderer_is_our_own_fault() {
    let world = World::of(PAGES).await;
    let mut journey = world.at("/").await;
    let renderers: Vec<u32> = group(journey.process_group().unwrap())
        .into_iter()
        .filter(|(_, cmdline)| cmdline.contains("--type=renderer"))
        .map(|(pid, _)| pid)
        .collect();
    assert!(!renderers.is_empty());
    for pid in renderers {
        kill(pid, Signal::KILL);
    }
    let result = act_within(&mut journey, Verb::Click(css("#b")), 1_500).await;
    assert!(matches!(result, Err(StepError::Browser(_))), "{result:?}");
    close_quickly(journey).await;
    goes_on(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_journey_that_is_dropped_takes_its_browser_along() {
    let world = World::of(PAGES).await;
    let journey = world.at("/").await;
    let first = journey.process_group().unwrap();
    drop(journey);
    assert!(group(first).is_empty());
    // An action whose future is dropped leaves a browser that is not used again.
    let mut journey = world.at("/").await;
    let second = journey.process_group().unwrap();
    let verb = action(Verb::Click(css("#never")));
    let dropped = Deadline::after(Duration::from_millis(100)).limit(journey.act(&verb, soon(10))).await;
    assert!(dropped.is_err());
    click(&mut journey, css("#b")).await.unwrap();
    journey.close().await;
    assert!(group(second).is_empty());
    world.end().await;
}

#[tokio::test]
async fn browsers_are_kept_warm_and_retired() {
    let world = World::of(PAGES).await;
    let pool =
        Pool::new(mystery_shopper::browser::Settings { retire_after: 2, ..settings(world.temp.path(), 1) });
    let mut groups = Vec::new();
    for _ in 0..3 {
        let journey = pool.open(options(), soon(20)).await.unwrap();
        groups.push(journey.process_group().unwrap());
        journey.close().await;
    }
    assert_eq!(groups[0], groups[1]);
    assert_ne!(groups[1], groups[2]);
    pool.close().await;
    assert!(pool.open(options(), soon(5)).await.is_err());
    world.end().await;
}

#[tokio::test]
async fn missing_programs_are_named() {
    let temp = tempfile::tempdir().unwrap();
    let bad = mystery_shopper::browser::Settings {
        chromedriver: Some("/bin/false".into()),
        ..settings(temp.path(), 1)
    };
    let pool = Pool::new(bad);
    match pool.open(options(), soon(10)).await {
        Err(error @ BrowserError::Missing { .. }) => {
            let said = error.to_string();
            assert!(
                said.contains("chromedriver") && said.contains("/bin/false") && said.contains("install"),
                "{said}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_killed_agent_left_behind_is_cleared() {
    use std::os::unix::process::CommandExt;
    let world = World::of(PAGES).await;
    // No process has this id: it is above the kernel's largest.
    let folder = world.temp.path().join("shopper-4194999-left");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("Preferences"), "{}").unwrap();
    let own = world.temp.path().join(format!("shopper-{}-own", std::process::id()));
    std::fs::create_dir(&own).unwrap();
    let mut orphan = std::process::Command::new("sleep")
        .arg("600")
        .env("TMPDIR", &folder)
        .process_group(0)
        .spawn()
        .unwrap();
    world.journey().await.close().await;
    assert!(!folder.exists());
    assert!(orphan.try_wait().unwrap().is_some() || !orphan.wait().unwrap().success());
    assert!(own.exists());
    std::fs::remove_dir(&own).unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_driver_elsewhere_walks_as_well() {
    use std::io::BufRead;
    use std::os::unix::process::CommandExt;
    let world = World::of(PAGES).await;
    let folder = tempfile::tempdir().unwrap();
    let mut driver = std::process::Command::new("/usr/bin/chromedriver")
        .arg("--port=0")
        .env("TMPDIR", folder.path())
        .stdout(std::process::Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(driver.stdout.take().unwrap()).lines();
    let port: u16 = lines
        .map_while(Result::ok)
        .find_map(|line| {
            line.split("on port ").nth(1)?.trim_end_matches('.').parse().ok().filter(|port| *port > 0)
        })
        .unwrap();
    let remote = vec![url::Url::parse(&format!("http://127.0.0.1:{port}")).unwrap()];
    let pool = Pool::new(mystery_shopper::browser::Settings { remote, ..settings(world.temp.path(), 1) });
    for live in [false, false, true] {
        // The filter of a live target goes with the session, wherever the browser is.
        let guard = Guard { live, loopback: true, allow: Vec::new(), hosts: vec!["127.0.0.1".to_owned()] };
        let mut journey = pool.open(JourneyOptions { guard, ..options() }, soon(20)).await.unwrap();
        assert_eq!(journey.process_group(), None);
        goto(&mut journey, &world.url("/")).await.unwrap();
        click(&mut journey, css("#b")).await.unwrap();
        expect(&mut journey, Check::Title(contains("按了"))).await.unwrap();
        journey.close().await;
    }
    pool.close().await;
    // The session was ended, the driver lives on: it is not ours.
    assert!(driver.try_wait().unwrap().is_none());
    let browsers = group(driver.id()).into_iter().filter(|(_, cmdline)| is_browser(cmdline)).count();
    let pgid = Pid::from_raw(i32::try_from(driver.id()).unwrap()).unwrap();
    rustix::process::kill_process_group(pgid, Signal::KILL).unwrap();
    driver.wait().unwrap();
    assert_eq!(browsers, 0);
    world.end().await;
}

/// The port that the journey's chromedriver listens on, from its command line.
fn drivers_port(journey: &Journey) -> u16 {
    let group = group(journey.process_group().unwrap());
    let (_, driver) = group.iter().find(|(_, cmdline)| cmdline.contains("--url-base=")).unwrap();
    driver.split_whitespace().find_map(|word| word.strip_prefix("--port=")?.parse().ok()).unwrap()
}

#[tokio::test]
async fn no_page_reaches_the_driver_not_even_one_of_this_machine() {
    const ASK: &str = "<title>问</title><script>onload = async () => {
        const at = decodeURIComponent(location.hash.slice(1)), say = [];
        for (const path of ['/shutdown', '/status', '/session'])
            say.push(await fetch('http://' + at + path, { mode: 'no-cors' }).then(() => 'reached', () => 'closed'));
        say.push(await fetch('http://' + at + '/session', { mode: 'no-cors', method: 'POST', body: '{}' }).then(() => 'reached', () => 'closed'));
        say.push(await new Promise((done) => {
            const socket = new WebSocket('ws://' + at + '/session');
            socket.onopen = () => done('reached');
            socket.onerror = () => done('closed');
        }));
        document.title = say.join(' ');
    };</script>";
    let world = World::of(&[("/ask", ASK)]).await;
    let mut journey = world.journey().await;
    let port = drivers_port(&journey);
    assert_ne!(port, 0, "every port that pages cannot reach is taken on this machine");
    // The driver is there, for those who are no pages.
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    for host in ["127.0.0.1", "localhost"] {
        goto(&mut journey, &world.url(&format!("/ask?{host}#{host}:{port}"))).await.unwrap();
        expect(&mut journey, Check::Title(contains("closed closed closed closed closed"))).await.unwrap();
    }
    journey.close().await;
    assert_eq!(world.pool.rungs().context, 1);
    world.end().await;
}

#[tokio::test]
async fn a_context_that_the_driver_does_not_close_is_closed_behind_its_back() {
    let world = World::of(PAGES).await;
    let journey = world.at("/").await;
    let group = journey.process_group().unwrap();
    let driver = member(&journey, |c| c.contains("chromedriver"));
    // It stands still for longer than the first rung waits, and then goes on.
    kill(driver, Signal::STOP);
    let wake = async {
        tokio::time::sleep(Duration::from_millis(1_400)).await;
        kill(driver, Signal::CONT);
    };
    tokio::join!(journey.close(), wake);
    let rungs = world.pool.rungs();
    assert_eq!((rungs.context, rungs.hatch, rungs.kill), (0, 1, 0));
    // The same browser walks on.
    let mut journey = world.at("/").await;
    assert_eq!(journey.process_group(), Some(group));
    click(&mut journey, css("#b")).await.unwrap();
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_driver_that_stays_frozen_takes_the_last_rung() {
    let world = World::of(PAGES).await;
    let journey = world.at("/").await;
    kill(member(&journey, |c| c.contains("chromedriver")), Signal::STOP);
    close_quickly(journey).await;
    assert_eq!(world.pool.rungs().kill, 1);
    goes_on(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_browser_that_has_grown_too_large_is_replaced() {
    let world = World::of(PAGES).await;
    let small =
        mystery_shopper::browser::Settings { retire_above: 1 << 20, ..settings(world.temp.path(), 1) };
    let pool = Pool::new(small);
    let journey = pool.open(options(), soon(20)).await.unwrap();
    let first = journey.process_group().unwrap();
    journey.close().await;
    assert!(group(first).is_empty());
    let journey = pool.open(options(), soon(20)).await.unwrap();
    assert_ne!(journey.process_group(), Some(first));
    journey.close().await;
    pool.close().await;
    world.end().await;
}
