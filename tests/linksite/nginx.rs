//! The site on disk, and a configuration with which nginx answers like [`Site::answer`].

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{PNG, SCRIPT, SHEET, TYPES, type_of};
use super::kinds::Resource;
use super::page::Special;
use super::{SMALL_PAGE, Site};

/// What a missing page of the channel says: the path is put in where `{}` stands.
pub const MISSING: &str = "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>示范市人民政府</title></head>\n<body>\n\
    <div class=\"header\"><a href=\"/\"><img src=\"/images/logo.png\" alt=\"示范市人民政府\"></a> <a href=\"/channel/\">专题专栏</a></div>\n\
    <div class=\"article\"><h1>提示信息</h1><p>抱歉，您访问的页面不存在或已被删除。</p><p>{}</p><p><a href=\"/\">返回首页</a></p></div>\n\
    </body></html>\n";

const LOGIN: &str = "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>统一身份认证</title></head><body>\n\
    <h1>用户登录</h1><form method=\"post\" action=\"/hdjl/login\"><label>用户名 <input name=\"user\"></label>\n\
    <label>密码 <input type=\"password\" name=\"password\"></label><button>登录</button></form>\n\
    </body></html>\n";

/// How slow pages are made slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pace {
    /// By nginx's echo module, which stands in this file: they wait as long as [`delay`] says.
    Echo(PathBuf),
    /// Without a module: they are throttled, to about a second.
    Throttled,
    /// Not at all.
    Quick,
}

/// How long a slow page takes, in milliseconds.
pub fn delay(page: usize) -> u64 {
    300 + (page as u64 * 137) % 700
}

/// What every site has, whatever is planted.
pub fn fixed(site: &Site) -> Vec<(String, Resource)> {
    let file = |path: &str, bytes: &[u8]| (path.to_owned(), Resource::File(type_of(path), bytes.to_vec()));
    let robots = format!("User-agent: *\nDisallow: /internal/\n\nSitemap: {}/sitemap.xml\n", site.origin);
    let mut map = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for i in [0, 1, site.size.pages - 1] {
        let _ = writeln!(map, "  <url><loc>{}</loc></url>", site.url(i));
    }
    map.push_str("</urlset>\n");
    vec![
        file("/css/portal.css", SHEET.as_bytes()),
        file("/js/portal.js", SCRIPT.as_bytes()),
        file("/images/logo.png", PNG),
        file("/images/bg.png", PNG),
        file("/images/header.png", PNG),
        file("/favicon.ico", PNG),
        file("/video/ok.mp4", b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2\0\0\0\x08mdat"),
        file("/video/ok.vtt", b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n"),
        file("/robots.txt", robots.as_bytes()),
        file("/sitemap.xml", map.as_bytes()),
        file("/login.html", LOGIN.as_bytes()),
        file("/error/404.html", MISSING.replace("{}", "").as_bytes()),
        ("/hdjl/login".to_owned(), Resource::PostOnly),
    ]
}

impl Site {
    /// Writes every file below `folder`, which must not exist yet, and `nginx.conf` beside them.
    pub fn write_to(&self, folder: &Path, pace: &Pace) -> io::Result<()> {
        std::fs::create_dir(folder)?;
        let mut made = HashSet::new();
        let mut write = |host: &str, path: &str, bytes: &[u8]| -> io::Result<()> {
            let mut file = folder.join(host).join(path.trim_start_matches('/'));
            if path.ends_with('/') {
                file.push("index.html");
            }
            let parent = file.parent().map(PathBuf::from).unwrap_or_default();
            if !made.contains(&parent) {
                std::fs::create_dir_all(&parent)?;
                made.insert(parent);
            }
            std::fs::write(file, bytes)
        };
        for (i, page) in self.pages.iter().enumerate() {
            write("portal", &page.path, &self.bytes(i))?;
        }
        let echoed = MISSING.replace("{}", "<!--# echo var=\"request_uri\" encoding=\"entity\" -->");
        write("portal", "/missing.html", echoed.as_bytes())?;
        let other = self.other();
        for (path, resource) in &self.resources {
            if let Resource::File(_, bytes) = resource {
                match path.strip_prefix(&other) {
                    Some(path) => write("other", path, bytes)?,
                    None => write("portal", path, bytes)?,
                }
            }
        }
        for temporary in ["body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            std::fs::create_dir_all(folder.join("temporary").join(temporary))?;
        }
        std::fs::write(folder.join("nginx.conf"), self.configuration(folder, pace))
    }

    /// The configuration; the program stays in the foreground and keeps everything in `folder`.
    fn configuration(&self, folder: &Path, pace: &Pace) -> String {
        let folder = folder.display();
        let mut text = String::from("daemon off;\nworker_processes 1;\n");
        // Its workers would change to a user who need not be able to read the folder.
        if rustix::process::geteuid().is_root() {
            text.push_str("user root;\n");
        }
        if let Pace::Echo(echo) = pace {
            let _ = writeln!(text, "load_module \"{}\";", echo.display());
        }
        let _ = write!(
            text,
            "pid \"{folder}/nginx.pid\";\nerror_log \"{folder}/error.log\" warn;\nevents {{ worker_connections 1024; }}\n\
             http {{\n  access_log off;\n  log_not_found off;\n"
        );
        for module in ["proxy", "fastcgi", "uwsgi", "scgi"] {
            let _ = writeln!(text, "  {module}_temp_path \"{folder}/temporary/{module}\";");
        }
        let _ = writeln!(text, "  client_body_temp_path \"{folder}/temporary/body\";\n  types {{");
        for (ending, kind) in TYPES {
            let _ = writeln!(text, "    {kind} {ending};");
        }
        text.push_str(
            "  }\n  default_type application/octet-stream;\n  sendfile on;\n  tcp_nopush on;\n  \
             keepalive_requests 1000000;\n  absolute_redirect off;\n  index index.html;\n",
        );
        for (address, name) in [("127.0.0.1", "portal"), ("127.0.0.2", "other")] {
            let _ = writeln!(
                text,
                "  server {{\n    listen {address}:{};\n    root \"{folder}/{name}\";",
                self.port
            );
            if name == "portal" {
                self.locations(&mut text, pace);
            }
            text.push_str("  }\n");
        }
        text.push_str("}\n");
        text
    }

    fn locations(&self, text: &mut String, pace: &Pace) {
        for charset in ["gbk", "gb18030", "big5"] {
            let _ = writeln!(text, "    location ^~ /{charset}/ {{ charset {charset}; }}");
        }
        text.push_str(
            "    location /channel/ { error_page 404 =200 /missing.html; }\n    \
             location = /missing.html { internal; ssi on; }\n",
        );
        text.push_str("    location /archive/ { return 302 /error/404.html; }\n    location @pages { }\n");
        for (i, page) in self.pages.iter().enumerate() {
            let rule = match page.special {
                Special::Slow => match pace {
                    Pace::Echo(_) => {
                        format!("echo_sleep {}.{:03}; echo_exec @pages;", delay(i) / 1000, delay(i) % 1000)
                    }
                    Pace::Throttled => "limit_rate 3k;".to_owned(),
                    Pace::Quick => continue,
                },
                Special::NoHead => "if ($request_method = HEAD) { return 405; }".to_owned(),
                Special::HeadLies => "if ($request_method = HEAD) { return 404; }".to_owned(),
                _ => continue,
            };
            let _ = writeln!(text, "    location = \"{}\" {{ {rule} }}", page.path);
        }
        for (path, resource) in self.resources.iter().filter(|(path, _)| path.starts_with('/')) {
            let rule = match resource {
                Resource::File(kind, _) if *kind == type_of(path) => continue,
                Resource::File(kind, _) => format!("types {{ }} default_type {kind};"),
                Resource::Status(status) => format!("return {status};"),
                Resource::Redirect(status, to) => format!("return {status} \"{to}\";"),
                Resource::Query(query) => {
                    format!(
                        "default_type text/html; if ($args = \"{query}\") {{ return 200 \"{SMALL_PAGE}\"; }} return 404;"
                    )
                }
                Resource::PostOnly => "if ($request_method = POST) { return 200; } return 405;".to_owned(),
                // nginx's own: it closes the connection without a word.
                Resource::Closed => "return 444;".to_owned(),
            };
            let _ = writeln!(text, "    location = \"{path}\" {{ {rule} }}");
        }
    }
}
