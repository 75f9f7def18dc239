//! The mail sink: a small SMTP server on loopback that keeps every mail as a file.
//!
//! The demo prints what arrives; tests use the same sink as their mail server and tell it how to
//! misbehave. It speaks EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP and QUIT, no TLS and no AUTH.
//!
//! Invariants: it listens on 127.0.0.1 alone; a mail is answered with 250 only when its file is
//! complete under its final name; lines, mails and sessions are bounded.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mail_parser::{Address, MessageParser};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// The longest line, CRLF included (RFC 5321, section 4.5.3.1.6).
const LONGEST_LINE: usize = 1000;
/// The largest mail in bytes.
const LARGEST_MAIL: usize = 10 * 1024 * 1024;
/// The most recipients of one mail.
const MOST_RECIPIENTS: usize = 100;
/// The most sessions at once.
const MOST_SESSIONS: usize = 32;
/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_mins(1);

/// A mail that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The file that holds it.
    pub path: PathBuf,
    /// The envelope's sender; empty for bounces.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The message, dots unstuffed.
    pub raw: Vec<u8>,
}

/// How the sink answers. The default is to take everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// So many mails are answered with 451 before one is taken.
    pub busy: u32,
    /// Recipients that are answered with 550.
    pub reject: Vec<String>,
    /// How it misbehaves otherwise.
    pub trouble: Trouble,
}

/// Ways of misbehaving.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// It does not.
    #[default]
    None,
    /// Nobody listens: connections are refused.
    Refuse,
    /// Connections are accepted and never spoken to.
    Tarpit,
    /// The connection is cut in the middle of DATA.
    DropData,
    /// A mail is taken, and then QUIT is never answered.
    HangOnQuit,
}

/// A running sink. It stops when dropped, sessions and all.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    behaviour: watch::Sender<Behaviour>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What all sessions share.
#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    number: AtomicU32,
    busy: AtomicU32,
    commands: Mutex<Vec<String>>,
    received: mpsc::UnboundedSender<Received>,
}

impl Sink {
    /// Starts on a free port; mails go into `folder`, which is made when it is missing.
    pub async fn start(
        folder: &Path,
        behaviour: Behaviour,
    ) -> io::Result<(Self, mpsc::UnboundedReceiver<Received>)> {
        tokio::fs::create_dir_all(folder).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (received, arrivals) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            number: AtomicU32::new(last_number(folder)?),
            busy: AtomicU32::new(behaviour.busy),
            commands: Mutex::new(Vec::new()),
            received,
        });
        let (behaviour, seen) = watch::channel(behaviour);
        let task = tokio::spawn(listen(listener, address, seen, Arc::clone(&shared)));
        Ok((Self { address, behaviour, shared, task }, arrivals))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes how it answers, from the next command on. `busy` counts from here again.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.busy.store(behaviour.busy, Ordering::SeqCst);
        self.behaviour.send_replace(behaviour);
    }

    /// The commands that were heard so far, the first 1000.
    pub fn commands(&self) -> Vec<String> {
        self.shared.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections for as long as the sink lives; closes and opens the door as told.
async fn listen(
    listener: TcpListener,
    address: SocketAddr,
    mut behaviour: watch::Receiver<Behaviour>,
    shared: Arc<Shared>,
) {
    let mut door = Some(listener);
    let room = Arc::new(Semaphore::new(MOST_SESSIONS));
    let mut sessions = JoinSet::new();
    loop {
        let refuse = behaviour.borrow_and_update().trouble == Trouble::Refuse;
        match (refuse, &door) {
            (true, Some(_)) => door = None,
            (false, None) => door = TcpListener::bind(address).await.ok(),
            _ => {}
        }
        let arrival = async {
            match &door {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = behaviour.changed() => if changed.is_err() { return },
            Some(_) = sessions.join_next() => {}
            accepted = arrival => {
                let Ok((stream, _)) = accepted else { continue };
                // A connection beyond the limit is closed at once.
                let Ok(seat) = Arc::clone(&room).try_acquire_owned() else { continue };
                let session = Session::new(stream, behaviour.clone(), Arc::clone(&shared));
                sessions.spawn(async move {
                    // A session that breaks off is the client's affair.
                    let _ = session.run().await;
                    drop(seat);
                });
            }
        }
    }
}

/// One connection.
struct Session {
    stream: BufReader<TcpStream>,
    behaviour: watch::Receiver<Behaviour>,
    shared: Arc<Shared>,
    from: Option<String>,
    to: Vec<String>,
}

/// A line as it came.
enum Heard {
    Line(Vec<u8>),
    TooLong,
    End,
}

impl Session {
    fn new(stream: TcpStream, behaviour: watch::Receiver<Behaviour>, shared: Arc<Shared>) -> Self {
        Self { stream: BufReader::new(stream), behaviour, shared, from: None, to: Vec::new() }
    }

    async fn run(mut self) -> io::Result<()> {
        if self.has(Trouble::Tarpit) {
            return self.swallow().await;
        }
        self.say("220 sink.invalid ESMTP mystery-shopper").await?;
        loop {
            let line = match self.line().await? {
                Heard::Line(line) => String::from_utf8_lossy(&line).into_owned(),
                Heard::TooLong => {
                    self.say("500 5.5.2 line too long").await?;
                    continue;
                }
                Heard::End => return Ok(()),
            };
            self.note(&line);
            let (verb, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    self.reset();
                    self.say(&format!("250-sink.invalid\r\n250-8BITMIME\r\n250 SIZE {LARGEST_MAIL}")).await?;
                }
                "HELO" => {
                    self.reset();
                    self.say("250 sink.invalid").await?;
                }
                "MAIL" => self.mail(rest).await?,
                "RCPT" => self.rcpt(rest).await?,
                "DATA" => self.data().await?,
                "RSET" => {
                    self.reset();
                    self.say("250 2.0.0 ok").await?;
                }
                "NOOP" => self.say("250 2.0.0 ok").await?,
                "QUIT" if self.has(Trouble::HangOnQuit) => return self.swallow().await,
                "QUIT" => return self.say("221 2.0.0 bye").await,
                _ => self.say("502 5.5.1 command not known").await?,
            }
        }
    }

    async fn mail(&mut self, rest: &str) -> io::Result<()> {
        match path(rest, "FROM:") {
            _ if self.from.is_some() => self.say("503 5.5.1 there is a sender already").await,
            Some((from, parameters)) => {
                let size = parameters
                    .split(' ')
                    .find_map(|parameter| parameter.to_ascii_uppercase().strip_prefix("SIZE=")?.parse().ok());
                if size.is_some_and(|size: usize| size > LARGEST_MAIL) {
                    return self.say("552 5.3.4 mail too large").await;
                }
                self.from = Some(from);
                self.say("250 2.1.0 ok").await
            }
            None => self.say("501 5.5.4 MAIL FROM:<address>").await,
        }
    }

    async fn rcpt(&mut self, rest: &str) -> io::Result<()> {
        let rejected = |to: &String| self.behaviour.borrow().reject.contains(to);
        match path(rest, "TO:") {
            _ if self.from.is_none() => self.say("503 5.5.1 MAIL first").await,
            Some((to, _)) if to.is_empty() => self.say("501 5.1.3 no recipient").await,
            Some((to, _)) if rejected(&to) => self.say("550 5.1.1 no such mailbox").await,
            Some(_) if self.to.len() >= MOST_RECIPIENTS => self.say("452 4.5.3 too many recipients").await,
            Some((to, _)) => {
                self.to.push(to);
                self.say("250 2.1.5 ok").await
            }
            None => self.say("501 5.5.4 RCPT TO:<address>").await,
        }
    }

    /// Takes a message: up to a line that is only a dot, a leading dot removed from all others.
    async fn data(&mut self) -> io::Result<()> {
        if self.to.is_empty() {
            return self.say("503 5.5.1 RCPT first").await;
        }
        self.say("354 end with a line that is only a dot").await?;
        let mut raw = Vec::new();
        let mut fault = None;
        loop {
            match self.line().await? {
                Heard::Line(line) if line == b"." => break,
                Heard::Line(line) if line.contains(&b'\n') || line.contains(&b'\r') => {
                    fault = Some("554 5.6.0 a bare line end");
                }
                Heard::Line(line) if raw.len() + line.len() <= LARGEST_MAIL => {
                    raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                    raw.extend_from_slice(b"\r\n");
                }
                Heard::Line(_) => fault = Some("552 5.3.4 mail too large"),
                Heard::TooLong => fault = Some("554 5.6.0 line too long"),
                Heard::End => return Ok(()),
            }
            if self.has(Trouble::DropData) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        let from = self.from.take().unwrap_or_default();
        let to = std::mem::take(&mut self.to);
        if let Some(fault) = fault {
            return self.say(fault).await;
        }
        let counting = |left: u32| left.checked_sub(1);
        if self.shared.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, counting).is_ok() {
            return self.say("451 4.3.0 busy, try again later").await;
        }
        match self.shared.keep(from, to, raw).await {
            Ok(name) => self.say(&format!("250 2.0.0 ok: kept as {name}")).await,
            Err(fault) => {
                tracing::warn!(error = %fault, "the mail sink could not keep a mail");
                self.say("452 4.3.1 could not keep the mail").await
            }
        }
    }

    fn has(&self, trouble: Trouble) -> bool {
        self.behaviour.borrow().trouble == trouble
    }

    /// Says nothing more, until the client goes away.
    async fn swallow(&mut self) -> io::Result<()> {
        tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await.map(|_| ())
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        // One write: two would wait for each other's acknowledgement.
        self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await
    }

    /// The next line without its CRLF. Only CRLF ends a line, so that nothing hides behind a bare
    /// line end.
    async fn line(&mut self) -> io::Result<Heard> {
        let mut line = Vec::new();
        let mut too_long = false;
        loop {
            let room = (LONGEST_LINE + 1 - line.len().min(LONGEST_LINE)) as u64;
            let mut limited = (&mut self.stream).take(room);
            let read = timeout(PATIENCE, limited.read_until(b'\n', &mut line))
                .await
                .map_err(|_| io::ErrorKind::TimedOut)??;
            if read == 0 {
                return Ok(Heard::End);
            }
            if line.ends_with(b"\r\n") {
                break;
            }
            if line.len() > LONGEST_LINE {
                too_long = true;
                // What was cut may end in the first half of a CRLF.
                line.drain(..line.len() - 1);
            }
        }
        if too_long || line.len() > LONGEST_LINE {
            return Ok(Heard::TooLong);
        }
        line.truncate(line.len() - 2);
        Ok(Heard::Line(line))
    }

    fn note(&self, line: &str) {
        let mut commands = self.shared.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if commands.len() < 1000 {
            commands.push(line.to_owned());
        }
    }
}

impl Shared {
    /// Writes the mail under a name of its own, then tells about it. Answers the name.
    async fn keep(&self, from: String, to: Vec<String>, raw: Vec<u8>) -> io::Result<String> {
        let number = self.number.fetch_add(1, Ordering::SeqCst) + 1;
        let name = format!("{number:04}.eml");
        let path = self.folder.join(&name);
        let unfinished = self.folder.join(format!(".{name}.tmp"));
        tokio::fs::write(&unfinished, &raw).await?;
        tokio::fs::rename(&unfinished, &path).await?;
        // Nobody may be listening; the file is what counts.
        let _ = self.received.send(Received { path, from, to, raw });
        Ok(name)
    }
}

/// The highest number among the mails in the folder.
fn last_number(folder: &Path) -> io::Result<u32> {
    let mut last = 0;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".eml")?.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

/// Reads `FROM:<address> parameters`.
fn path(rest: &str, keyword: &str) -> Option<(String, String)> {
    let (head, tail) = rest.split_at_checked(keyword.len())?;
    let inner = tail.trim_start().strip_prefix('<').filter(|_| head.eq_ignore_ascii_case(keyword))?;
    let (address, parameters) = inner.split_once('>')?;
    Some((address.to_owned(), parameters.trim().to_owned()))
}

/// A mail for the terminal: From, To, Subject and the plain text, without control characters.
pub fn summary(raw: &[u8]) -> String {
    let Some(mail) = MessageParser::default().parse(raw) else {
        return "The mail could not be read.\n".to_owned();
    };
    let people = |address: Option<&Address<'_>>| {
        let people = address.into_iter().flat_map(Address::iter).map(|person| {
            let address = person.address().unwrap_or_default();
            person.name().map_or_else(|| address.to_owned(), |name| format!("{name} <{address}>"))
        });
        people.collect::<Vec<_>>().join(", ")
    };
    let text = mail.body_text(0).unwrap_or_default();
    let whole = format!(
        "From: {}\nTo: {}\nSubject: {}\n\n{}\n",
        people(mail.from()),
        people(mail.to()),
        mail.subject().unwrap_or_default().replace(['\r', '\n'], " "),
        text.trim_end()
    );
    whole.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}
