//! What a page is told of the citizen: language, time zone, place, screen, and the way to the network.

use std::sync::{Arc, Mutex};

use mystery_shopper::browser::JourneyOptions;
use mystery_shopper::domain::place::{Geolocation, Place, Proxy, ProxyKind, Screen};
use mystery_shopper::domain::scenario::Check;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::*;

const TELL: &str = "<p id=told></p><script>
const told = document.getElementById('told');
const say = (place) => { told.textContent = [navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone,
  innerWidth, devicePixelRatio, navigator.maxTouchPoints, place].join(' | '); };
navigator.geolocation.getCurrentPosition(
  ({ coords }) => say(`${coords.latitude},${coords.longitude}`), (error) => say(`no place (${error.code})`), { timeout: 3000 });
</script>";

async fn told(world: &World, options: JourneyOptions) -> String {
    let mut journey = world.journey_with(options).await;
    goto(&mut journey, &world.url("/told")).await.unwrap();
    expect_now(&mut journey, Check::Text { text: contains("|"), inside: Some(css("#told")) }).await.unwrap();
    let text = journey.visible_text(soon(5)).await.unwrap();
    journey.close().await;
    text.trim().to_owned()
}

#[tokio::test]
async fn a_page_is_told_what_the_target_and_the_scenario_say() {
    let world = World::of(&[("/told", TELL)]).await;
    let place = Place {
        locale: Some("bo-CN".to_owned()),
        timezone: Some("Asia/Urumqi".to_owned()),
        geolocation: Some(Geolocation { latitude: 43.82, longitude: 87.61 }),
        proxy: None,
    };
    let screen = Some(Screen { width: 800, height: 1100, scale: 2, touch: true });
    let there = JourneyOptions { place, screen, origin: world.base.clone(), ..options() };
    assert_eq!(told(&world, there).await, "bo-CN | Asia/Urumqi | 800 | 2 | 5 | 43.82,87.61");
    // The next journey of the same browser knows nothing of it.
    let here = told(&world, options()).await;
    assert!(here.starts_with("zh-CN | Asia/Shanghai | 1280 | 1 | 0 | no place"), "{here}");
    world.end().await;
}

/// A proxy that answers everything itself and remembers what it was asked.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let mut head = vec![0; 8192];
                let n = socket.read(&mut head).await.unwrap_or(0);
                let line = String::from_utf8_lossy(&head[..n]).lines().next().unwrap_or_default().to_owned();
                seen.lock().unwrap().push(line);
                let body = "<title>through</title><p>through the proxy</p>";
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = socket.write_all(answer.as_bytes()).await;
            });
        }
    });
    (address, asked)
}

#[tokio::test]
async fn one_journey_goes_through_a_proxy_and_the_next_does_not() {
    let world = World::of(&[("/", "<p>directly</p>")]).await;
    let (address, asked) = proxy().await;
    let proxy = Some(Proxy { kind: ProxyKind::Http, address });
    let through = JourneyOptions { place: Place { proxy, ..Place::default() }, ..options() };
    let mut journey = world.journey_with(through).await;
    let group = journey.process_group();
    goto(&mut journey, "http://portal.example/apply").await.unwrap();
    assert_eq!(journey.visible_text(soon(5)).await.unwrap().trim(), "through the proxy");
    journey.close().await;
    let lines = asked.lock().unwrap().clone();
    assert!(lines.iter().any(|line| line.starts_with("GET http://portal.example/apply ")), "{lines:?}");

    let mut journey = world.journey_with(options()).await;
    assert_eq!(journey.process_group(), group);
    goto(&mut journey, &world.url("/")).await.unwrap();
    assert_eq!(journey.visible_text(soon(5)).await.unwrap().trim(), "directly");
    journey.close().await;
    assert_eq!(asked.lock().unwrap().iter().filter(|line| line.contains(&world.base)).count(), 0);
    world.end().await;
}
