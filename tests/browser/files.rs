//! Uploads and downloads.

use axum::http::header;
use axum::response::{Html, IntoResponse};
use mystery_shopper::browser::StepError;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::scenario::{Check, FileExpectation, Verb};

use crate::world::*;

const PAGE: &str = r#"<!doctype html><meta charset=utf-8><title>材料</title>
<label for=f>上传材料</label><input type=file id=f name=f>
<input type=file id=hidden style="display:none"><button id=styled onclick="hidden.click()">选择文件</button>
<p id=said></p>
<a id=pdf href="/form.pdf">下载表格</a> <a id=fake href="/fake.pdf">假的</a> <a id=html href="/">没有文件</a>
<a id=blank target=_blank href="/form.pdf">新窗口下载</a>
<script>
  for (const id of ['f', 'hidden']) document.getElementById(id).addEventListener('change', async (e) => {
    said.textContent = id + ':' + e.target.files[0].name + ':' + await e.target.files[0].text();
  });
</script>"#;

const PDF: &[u8] = b"%PDF-1.4\n1 0 obj <<>> endobj\nstartxref\n9\n%%EOF\n";

async fn world() -> World {
    World::answering(|hit| {
        let file = |bytes: &'static [u8], name: &str| {
            let disposition = format!("attachment; filename=\"{name}\"");
            (
                [
                    (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                    (header::CONTENT_DISPOSITION, disposition),
                ],
                bytes,
            )
                .into_response()
        };
        match hit.path.as_str() {
            "/" => Some(Html(PAGE).into_response()),
            "/form.pdf" => Some(file(PDF, "form.pdf")),
            "/fake.pdf" => Some(file(b"<html><title>404</title>gone</html>", "fake.pdf")),
            _ => None,
        }
    })
    .await
}

#[tokio::test]
async fn files_are_handed_in_through_visible_and_hidden_fields() {
    let world = world().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("执照.txt");
    std::fs::write(&file, "内容").unwrap();
    let mut journey = world.at("/").await;
    let upload = |field| Verb::Upload { field, file: file.clone() };
    for (field, want) in [(label("上传材料"), "f:执照.txt:内容"), (css("#hidden"), "hidden:执照.txt:内容")]
    {
        act(&mut journey, upload(field)).await.unwrap();
        expect(&mut journey, Check::Text { text: contains(want), inside: Some(css("#said")) }).await.unwrap();
    }
    let missing = Verb::Upload { field: css("#f"), file: folder.path().join("none.txt") };
    assert!(matches!(act(&mut journey, missing).await, Err(StepError::File(_))));
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_download_is_proven_and_leaves_nothing() {
    let world = world().await;
    let mut journey = world.at("/").await;
    let pdf = FileExpectation { kind: Some("pdf".to_owned()), min_size: Some(20), opens: true };
    let download = |id: &str| Verb::Download { link: css(id), expect: pdf.clone() };
    act(&mut journey, download("#pdf")).await.unwrap();
    expect(&mut journey, Check::Downloaded(pdf.clone())).await.unwrap();
    let facts = journey.facts(soon(2)).await;
    assert_eq!(facts.transport, None);
    let fact = &facts.downloads[0];
    assert_eq!(
        (fact.name.as_str(), fact.kind.as_str(), fact.size, fact.opens),
        ("form.pdf", "pdf", PDF.len() as u64, true)
    );
    assert_eq!(fact.sha256.len(), 64);
    match act(&mut journey, download("#fake")).await {
        Err(StepError::File(fault)) => assert_eq!(fault, "the file fake.pdf is not pdf but html"),
        other => panic!("{other:?}"),
    }
    match act_within(&mut journey, download("#html"), 700).await {
        Err(StepError::Unmet(wait)) => assert_eq!(wait.last_seen, "no file came"),
        other => panic!("{other:?}"),
    }
    act(&mut journey, download("#blank")).await.unwrap();
    // The window of the download is gone; the journey stands where it stood.
    assert_eq!(journey.facts(soon(2)).await.title, "材料");
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_file_instead_of_a_page_is_no_page() {
    let world = world().await;
    let mut journey = world.at("/").await;
    journey.begin_step();
    match goto(&mut journey, &world.url("/form.pdf")).await {
        Err(StepError::Navigation(why)) => assert!(why.contains("form.pdf"), "{why}"),
        other => panic!("{other:?}"),
    }
    let transport = journey.facts(soon(2)).await.transport.unwrap();
    assert_eq!(transport.class, TransportClass::Download);
    // A click that gets a file is told the same way, and nothing is kept.
    goto(&mut journey, &world.url("/")).await.unwrap();
    journey.begin_step();
    assert!(matches!(click(&mut journey, css("#pdf")).await, Err(StepError::Navigation(_))));
    assert_eq!(journey.facts(soon(2)).await.transport.unwrap().class, TransportClass::Download);
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn an_endless_download_ends_at_the_deadline() {
    let world = World::answering(|hit| match hit.path.as_str() {
        "/" => Some(Html(PAGE.replace("/form.pdf", "/endless")).into_response()),
        "/endless" => {
            let disposition = [(header::CONTENT_DISPOSITION, "attachment; filename=\"e.pdf\"")];
            let body = axum::body::Body::from_stream(futures_util::stream::unfold((), |()| async {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                Some((Ok::<_, std::io::Error>(vec![b'x'; 1024]), ()))
            }));
            Some((disposition, body).into_response())
        }
        _ => None,
    })
    .await;
    let mut journey = world.at("/").await;
    let verb = Verb::Download { link: css("#pdf"), expect: FileExpectation::default() };
    match act_within(&mut journey, verb, 1_500).await {
        Err(StepError::Unmet(wait)) => assert_eq!(wait.last_seen, "the file e.pdf was still coming"),
        other => panic!("{other:?}"),
    }
    let group = journey.process_group().unwrap();
    journey.close().await;
    assert!(crate::world::group(group).is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_journey_can_be_walked_on_any_thread() {
    fn sends<T: Send>(value: T) -> T {
        value
    }
    let world = world().await;
    let mut journey = world.journey().await;
    let url = world.url("/");
    let walk = sends(async move {
        goto(&mut journey, &url).await.unwrap();
        click(&mut journey, css("#html")).await.unwrap();
        expect(&mut journey, Check::Text { text: contains("下载表格"), inside: None }).await.unwrap();
        let title = journey.facts(soon(2)).await.title;
        journey.screenshot(soon(5)).await.unwrap();
        journey.visible_text(soon(5)).await.unwrap();
        sends(journey.close()).await;
        title
    });
    assert_eq!(tokio::spawn(walk).await.unwrap(), "材料");
    world.end().await;
}
