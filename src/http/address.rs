//! Addresses that our own requests may go to.
//!
//! A portal chooses where its redirects and links lead, and so could aim our requests at this
//! machine, at its neighbours on the wire or at a cloud's metadata service. Every address is
//! screened twice: as it is written, and again after the name has been resolved.
//!
//! Invariant: total functions over addresses; nothing here opens a socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// How far requests may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Reach {
    /// The target stands elsewhere: this machine is out of bounds.
    #[default]
    Public,
    /// The target itself stands on this machine: loopback is open, metadata stays closed.
    Local,
}

impl Reach {
    /// The reach for a target that is, or is not, local.
    pub fn of(local: bool) -> Self {
        if local { Self::Local } else { Self::Public }
    }
}

/// The longest address that is ever requested, in bytes.
pub const MAX_URL: usize = 8_192;

/// Metadata services that stand outside the link-local block: Alibaba Cloud, Oracle, Azure.
const METADATA: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];

/// Ports that browsers refuse because other protocols speak there (WHATWG fetch, "bad ports").
const BAD_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514,
    515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723,
    2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
];

/// Why `url` is not requested; `None` when it may be, as far as its text tells.
pub fn refuse_url(url: &Url, reach: Reach) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Some(format!("{}: addresses are not requested", url.scheme()));
    }
    if url.as_str().len() > MAX_URL {
        return Some(format!("the address is longer than {MAX_URL} bytes"));
    }
    if let Some(port) = url.port()
        && BAD_PORTS.contains(&port)
    {
        return Some(format!("port {port} is closed to browsers"));
    }
    match url.host() {
        None => Some("the address names no host".to_owned()),
        Some(Host::Ipv4(ip)) => refuse_ip(ip.into(), reach).map(|why| format!("{ip} is {why}")),
        Some(Host::Ipv6(ip)) => refuse_ip(ip.into(), reach).map(|why| format!("{ip} is {why}")),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            (reach == Reach::Public && (name == "localhost" || name.ends_with(".localhost")))
                .then(|| format!("{name} is this machine"))
        }
    }
}

/// What makes `ip` out of bounds; `None` when it may be contacted.
///
/// Private networks (10/8 and the like) are open: agents stand inside government networks too.
pub fn refuse_ip(ip: IpAddr, reach: Reach) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => refuse_v4(ip, reach),
        IpAddr::V6(ip) => match embedded(ip) {
            Some(inner) => refuse_v4(inner, reach),
            None => refuse_v6(ip, reach),
        },
    }
}

fn refuse_v4(ip: Ipv4Addr, reach: Reach) -> Option<&'static str> {
    if ip.is_link_local() {
        Some("a link-local or metadata address")
    } else if METADATA.contains(&ip) {
        Some("a metadata address")
    } else if ip.is_multicast() || ip.is_broadcast() {
        Some("no address of one host")
    } else if reach == Reach::Public && (ip.is_loopback() || ip.octets()[0] == 0) {
        Some("a loopback address")
    } else {
        None
    }
}

fn refuse_v6(ip: Ipv6Addr, reach: Reach) -> Option<&'static str> {
    // AWS answers for metadata at this unique-local address.
    if ip == Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254) {
        Some("a metadata address")
    } else if ip.is_unicast_link_local() {
        Some("a link-local address")
    } else if ip.is_multicast() {
        Some("no address of one host")
    } else if reach == Reach::Public && (ip.is_loopback() || ip.is_unspecified()) {
        Some("a loopback address")
    } else {
        None
    }
}

/// The IPv4 address inside an IPv6 one: mapped, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_out_of_bounds() {
        // address, refused from a portal elsewhere, refused from a local one
        let cases = [
            ("http://portal.example.cn/", false, false),
            ("https://portal.example.cn:8443/x", false, false),
            ("http://10.1.2.3/", false, false),
            ("http://192.168.0.9:8080/", false, false),
            ("file:///etc/passwd", true, true),
            ("ftp://portal.example.cn/", true, true),
            ("javascript:alert(1)", true, true),
            ("data:text/html,x", true, true),
            ("http://127.0.0.1/", true, false),
            ("http://127.9.9.9:8600/", true, false),
            ("http://2130706433/", true, false),
            ("http://0x7f.1/", true, false),
            ("http://0.0.0.0/", true, false),
            ("http://localhost/", true, false),
            ("http://LOCALHOST./", true, false),
            ("http://a.localhost:9/", true, true),
            ("http://b.localhost:8600/", true, false),
            ("http://[::1]/", true, false),
            ("http://[::]/", true, false),
            ("http://[::ffff:127.0.0.1]/", true, false),
            ("http://[64:ff9b::7f00:1]/", true, false),
            ("http://[2002:7f00:1::]/", true, false),
            ("http://169.254.169.254/latest/meta-data/", true, true),
            ("http://[::ffff:169.254.169.254]/", true, true),
            ("http://[fd00:ec2::254]/", true, true),
            ("http://[fe80::1]/", true, true),
            ("http://100.100.100.200/latest/meta-data/", true, true),
            ("http://168.63.129.16/", true, true),
            ("http://224.0.0.1/", true, true),
            ("http://255.255.255.255/", true, true),
            ("http://portal.example.cn:22/", true, true),
            ("http://portal.example.cn:25/", true, true),
            ("http://portal.example.cn:10080/", true, true),
        ];
        for (text, public, local) in cases {
            let url = Url::parse(text).unwrap();
            assert_eq!(refuse_url(&url, Reach::Public).is_some(), public, "{text} from elsewhere");
            assert_eq!(refuse_url(&url, Reach::Local).is_some(), local, "{text} from a local portal");
        }
        let long = Url::parse(&format!("http://portal.example.cn/{}", "a".repeat(MAX_URL))).unwrap();
        assert!(refuse_url(&long, Reach::Public).is_some());
    }
}
