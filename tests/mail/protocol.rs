//! The sink itself, spoken to by hand.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::*;

struct Client(BufReader<TcpStream>);

impl Client {
    async fn to(world: &World) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(world.sink.address()).await.unwrap()));
        assert!(client.answer().await.starts_with("220 "));
        client
    }

    async fn answer(&mut self) -> String {
        let mut last = String::new();
        loop {
            last.clear();
            self.0.read_line(&mut last).await.unwrap();
            if last.as_bytes().get(3) != Some(&b'-') {
                return last.trim_end().to_owned();
            }
        }
    }

    async fn say(&mut self, text: &[u8]) -> String {
        self.0.get_mut().write_all(text).await.unwrap();
        self.answer().await
    }

    /// Sends a whole mail with this content; answers what the sink says to it.
    async fn mail(&mut self, content: &[u8]) -> String {
        for (line, want) in [
            ("MAIL FROM:<a@b.example> SIZE=100\r\n", "250"),
            ("rcpt to: <c@d.example>\r\n", "250"),
            ("DATA\r\n", "354"),
        ] {
            let answer = self.say(line.as_bytes()).await;
            assert!(answer.starts_with(want), "{line}: {answer}");
        }
        self.say(content).await
    }
}

#[tokio::test]
async fn stuffed_dots_are_taken_out() {
    let mut world = World::with(Behaviour::default()).await;
    let mut client = Client::to(&world).await;
    let answer = client.mail(b"Subject: dots\r\n\r\n..\r\n...\r\n. \r\nend.\r\n.\r\n").await;
    assert!(answer.starts_with("250 "), "{answer}");
    let arrival = world.arrival().await;
    assert_eq!(arrival.raw, b"Subject: dots\r\n\r\n.\r\n..\r\n \r\nend.\r\n");
    assert_eq!(
        (arrival.from.as_str(), arrival.to.as_slice()),
        ("a@b.example", &["c@d.example".to_owned()][..])
    );
}

#[tokio::test]
async fn what_breaks_the_rules_is_refused_and_the_session_goes_on() {
    let mut world = World::with(Behaviour::default()).await;
    let mut client = Client::to(&world).await;
    let long = [b"x".repeat(1001), b"\r\n".to_vec()].concat();
    let cases: [(&[u8], &str); 10] = [
        (b"EHLO me\r\n", "250 SIZE"),
        (b"RCPT TO:<a@b.example>\r\n", "503"),
        (b"DATA\r\n", "503"),
        (b"MAIL FROM:a@b.example\r\n", "501"),
        (b"MAIL FROM:<a@b.example> SIZE=99999999\r\n", "552"),
        (b"STARTTLS\r\n", "502"),
        (&long, "500"),
        (b"\xff\xfe\r\n", "502"),
        (b"NOOP\r\n", "250"),
        (b"RSET\r\n", "250"),
    ];
    for (line, want) in cases {
        let answer = client.say(line).await;
        assert!(answer.starts_with(want), "{}: {answer}", String::from_utf8_lossy(line));
    }
    // A dot between bare line ends does not end a mail, and the mail is not taken.
    let smuggled = client.mail(b"a\n.\nMAIL FROM:<x@y.example>\r\n.\r\n").await;
    assert!(smuggled.starts_with("554"), "{smuggled}");
    let too_long = client.mail(&[&long[..], b".\r\n"].concat()).await;
    assert!(too_long.starts_with("554"), "{too_long}");
    let line = [b"y".repeat(998), b"\r\n".to_vec()].concat();
    let too_large = client.mail(&[line.repeat(11_000), b".\r\n".to_vec()].concat()).await;
    assert!(too_large.starts_with("552"), "{too_large}");
    let fine = client.mail(&[&line[..], b".\r\n"].concat()).await;
    assert!(fine.starts_with("250"), "{fine}");
    assert_eq!(world.arrival().await.raw, line);
    assert!(client.say(b"QUIT\r\n").await.starts_with("221"));
    assert!(world.arrivals.try_recv().is_err(), "nothing else was taken");
}

#[tokio::test]
async fn a_new_sink_in_the_same_folder_overwrites_nothing() {
    let mut world = World::with(Behaviour::default()).await;
    Client::to(&world).await.mail(b"one\r\n.\r\n").await;
    let first = world.arrival().await.path;
    let (sink, arrivals) = Sink::start(world.folder.path(), Behaviour::default()).await.unwrap();
    world.sink = sink;
    world.arrivals = arrivals;
    Client::to(&world).await.mail(b"two\r\n.\r\n").await;
    assert!(world.arrival().await.path.ends_with("0002.eml"));
    assert_eq!(std::fs::read(first).unwrap(), b"one\r\n");
}
