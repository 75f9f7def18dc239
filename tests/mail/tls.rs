//! Mail over TLS, to a server with a certificate of a test authority.
//!
//! The server is a few blocking lines on a thread of its own; the certificates in this folder are
//! for `localhost` and 127.0.0.1, protect nothing, and their authority's key was thrown away.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

const AUTHORITY: &[u8] = include_bytes!("ca.pem");

/// What a conversation said: before TLS, and inside it.
#[derive(Debug, Default)]
struct Said {
    clear: Vec<String>,
    inside: Vec<String>,
}

/// Serves one connection and answers what was said.
fn serve(starttls: bool, login: &'static str) -> (u16, JoinHandle<std::io::Result<Said>>) {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("server.pem")).collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::try_from(include_bytes!("server.der").as_slice()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.unwrap(), key)
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut said = Said::default();
        if starttls {
            stream.write_all(b"220 hello\r\n")?;
            said.clear = until_starttls(&mut stream)?;
        }
        let tls = ServerConnection::new(Arc::new(config)).map_err(std::io::Error::other)?;
        let mut tls = StreamOwned::new(tls, stream);
        if !starttls {
            tls.write_all(b"220 hello\r\n")?;
        }
        talk(&mut tls, login, &mut said.inside)?;
        Ok(said)
    });
    (port, server)
}

fn until_starttls(stream: &mut TcpStream) -> std::io::Result<Vec<String>> {
    let mut heard = Vec::new();
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(line) = lines.next().transpose()? {
        let done = line == "STARTTLS";
        heard.push(line);
        stream.write_all(if done { b"220 go\r\n" } else { b"250-hello\r\n250 STARTTLS\r\n" })?;
        if done {
            break;
        }
    }
    Ok(heard)
}

fn talk(stream: &mut (impl Read + Write), login: &str, heard: &mut Vec<String>) -> std::io::Result<()> {
    let mut data = false;
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(1) => {}
                // Lettre hangs up without the TLS farewell.
                Err(fault) if fault.kind() != std::io::ErrorKind::UnexpectedEof => return Err(fault),
                _ => return Ok(()),
            }
            line.push(byte[0]);
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let answer = match line.split(' ').next().unwrap_or_default() {
            _ if data && line != "." => continue,
            "." => {
                data = false;
                "250 taken inside TLS"
            }
            "EHLO" => "250-hello\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => login,
            "DATA" => {
                data = true;
                "354 go"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        heard.push(line);
        stream.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}

fn mailer(port: u16, security: SmtpSecurity, host: &str) -> Mailer {
    let mut settings = settings(port, security, Language::English);
    host.clone_into(&mut settings.server.host);
    settings.server.user = Some("alerts".to_owned());
    settings.password = Some("s3cret".to_owned());
    Mailer::with_root_certificates(settings, AUTHORITY).unwrap()
}

#[tokio::test]
async fn tls_and_starttls_with_login() {
    for (security, starttls) in [(SmtpSecurity::Tls, false), (SmtpSecurity::StartTls, true)] {
        let (port, server) = serve(starttls, "235 welcome");
        let sent = mailer(port, security, "localhost")
            .send(&outgoing(NoticeKind::Opened), Enclosed::default())
            .await;
        assert_eq!(sent.unwrap().answer, "taken inside TLS");
        let said = server.join().unwrap().unwrap();
        assert!(said.clear.iter().all(|line| line.starts_with("EHLO") || line == "STARTTLS"), "{said:?}");
        let login = said.inside.iter().any(|line| line == "AUTH PLAIN AGFsZXJ0cwBzM2NyZXQ=");
        assert!(login && said.inside.iter().any(|line| line.starts_with("MAIL FROM")), "{said:?}");
    }
}

#[tokio::test]
async fn a_refused_login_is_not_the_mails_fault() {
    let (port, server) = serve(false, "535 5.7.8 wrong password");
    let sent = mailer(port, SmtpSecurity::Tls, "127.0.0.1")
        .send(&outgoing(NoticeKind::Opened), Enclosed::default())
        .await;
    let Err(SendFailure::Retry(text)) = sent else { panic!("{sent:?}") };
    assert!(text.contains("answered 535 on logging in") && !text.contains("s3cret"), "{text}");
    server.join().unwrap().ok();
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let (port, server) = serve(false, "235 welcome");
    let mailer = Mailer::new(settings(port, SmtpSecurity::Tls, Language::English)).unwrap();
    let sent = mailer.send(&outgoing(NoticeKind::Opened), Enclosed::default()).await;
    let Err(SendFailure::Retry(text)) = sent else { panic!("{sent:?}") };
    assert!(text.to_lowercase().contains("certificate"), "{text}");
    assert!(server.join().unwrap().is_err(), "the handshake failed on the server's side as well");
}
