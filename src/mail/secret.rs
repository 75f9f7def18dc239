//! Secrets: a password fetched from where the plan says it is.
//!
//! Invariant: a file that others can read is refused, and no message ever quotes a secret.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::plan::model::SecretRef;

use super::MailError;

/// No password is longer, in bytes.
const LONGEST: u64 = 4096;

/// Fetches a secret. `root` is where relative file names start; `env` looks a variable up, in the
/// program [`environment`]. One line end at the end is not part of the secret.
pub fn resolve_secret(
    secret: &SecretRef,
    root: &Path,
    env: impl Fn(&str) -> Option<String>,
) -> Result<String, MailError> {
    match secret {
        SecretRef::Credential(name) => {
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
                return Err(MailError::CredentialName { name: name.clone() });
            }
            let folder = env("CREDENTIALS_DIRECTORY")
                .filter(|folder| !folder.is_empty())
                .ok_or_else(|| MailError::NoCredentials { name: name.clone() })?;
            // systemd guards this folder by an access list, which shows as group bits: no check here.
            from_file(&PathBuf::from(folder).join(name), false)
        }
        SecretRef::Env(name) => {
            let value = env(name).ok_or_else(|| MailError::NoVariable { name: name.clone() })?;
            checked(value.into_bytes(), &format!("${name}"))
        }
        SecretRef::File(path) => from_file(&root.join(path), true),
    }
}

/// Looks up a variable of this process.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn from_file(path: &Path, private: bool) -> Result<String, MailError> {
    let failed = |source| MailError::SecretFile { path: path.to_owned(), source };
    // Asked before opening: opening a pipe would wait for somebody to write to it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(MailError::NoFile { path: path.to_owned() });
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if private && mode & 0o077 != 0 {
        return Err(MailError::OpenToOthers { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    checked(bytes, &path.display().to_string())
}

fn checked(mut bytes: Vec<u8>, place: &str) -> Result<String, MailError> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    let fits = !bytes.is_empty() && bytes.len() as u64 <= LONGEST && !bytes.contains(&b'\n');
    let text = String::from_utf8(bytes).ok().filter(|_| fits);
    text.ok_or_else(|| MailError::NoSecret { place: place.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn write(folder: &Path, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn files_must_be_private_and_hold_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            ("private", "s3cret 密\n", 0o600, Ok("s3cret 密")),
            ("windows", "s3cret\r\n", 0o400, Ok("s3cret")),
            ("inner-space", " s3cret ", 0o600, Ok(" s3cret ")),
            ("group", "s3cret", 0o640, Err("others can read it (mode 0640)")),
            ("world", "s3cret", 0o604, Err("others can read it (mode 0604)")),
            ("empty", "\n", 0o600, Err("holds no secret")),
            ("two-lines", "a\nb\n", 0o600, Err("holds no secret")),
        ];
        for (name, content, mode, want) in cases {
            write(folder.path(), name, content, mode);
            let found = resolve_secret(&SecretRef::File(name.into()), folder.path(), none);
            match (found, want) {
                (Ok(found), Ok(want)) => assert_eq!(found, want, "{name}"),
                (Err(fault), Err(want)) => {
                    let text = fault.to_string();
                    assert!(text.contains(want), "{name}: {text}");
                    assert!(!text.contains("s3cret"), "{name}: {text}");
                }
                (found, want) => panic!("{name}: {found:?} where {want:?} was expected"),
            }
        }
    }

    #[test]
    fn credentials_come_from_the_folder_that_systemd_names() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "smtp-password", "s3cret\n", 0o440);
        let place = folder.path().to_str().unwrap().to_owned();
        let env = |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| place.clone());
        let ask = |name: &str| resolve_secret(&SecretRef::Credential(name.into()), Path::new("/"), env);
        assert_eq!(ask("smtp-password").unwrap(), "s3cret");
        assert!(matches!(ask("../smtp-password"), Err(MailError::CredentialName { .. })));
        assert!(matches!(ask("missing"), Err(MailError::SecretFile { .. })));
        let unset = resolve_secret(&SecretRef::Credential("x".into()), Path::new("/"), none);
        assert!(matches!(unset, Err(MailError::NoCredentials { .. })));
    }

    #[test]
    fn variables_and_folders() {
        let ask = |secret| resolve_secret(&secret, Path::new("/"), |name| (name == "PW").then(|| "x".into()));
        assert_eq!(ask(SecretRef::Env("PW".into())).unwrap(), "x");
        assert!(matches!(ask(SecretRef::Env("OTHER".into())), Err(MailError::NoVariable { .. })));
        assert!(matches!(ask(SecretRef::File("/".into())), Err(MailError::NoFile { .. })));
    }
}
