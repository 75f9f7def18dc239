//! Links in the code of handlers.

use super::*;

#[test]
fn addresses_in_handlers() {
    let cases: [(&str, &[&str]); 46] = [
        ("location='/x'", &["/x"]),
        ("location.href='/x'", &["/x"]),
        ("window.location.href = '/x';", &["/x"]),
        ("window.location=\\u0027/no'", &[]),
        ("document.location='/x';return false;", &["/x"]),
        ("self.location.href='/x'", &["/x"]),
        ("top.location='/x'", &["/x"]),
        ("parent.document.location.href='/x'", &["/x"]),
        ("window.top.location.href='/x'", &["/x"]),
        ("location.replace('/x')", &["/x"]),
        ("window.location.assign( '/x' )", &["/x"]),
        ("window.open('/x')", &["/x"]),
        ("window.open('/x','_blank','width=1')", &["/x"]),
        ("javascript:window.open('/x')", &["/x"]),
        ("return window.open(&quot;/x?a=1&amp;b=2&quot;)", &["/x?a=1&b=2"]),
        ("if(a){location='/x'}else{location='/y'}", &["/x", "/y"]),
        ("a ? location='/x' : location='/y'", &["/x", "/y"]),
        ("setTimeout(function(){location.href='/x'},9)", &["/x"]),
        ("location='/it\\'s'", &["/it's"]),
        ("location='\\x2fx\\u002fy'", &["/x/y"]),
        ("location=`/x`", &["/x"]),
        ("location='/x'\nfoo()", &["/x"]),
        ("/* location='/no' */ location='/x' // location='/no'", &["/x"]),
        ("window.open('/x') && location.replace('/y')", &["/x", "/y"]),
        ("location.href='/x#p'", &["/x"]),
        // Put together, or no navigation at all.
        ("location.href='/x?id='+id", &[]),
        ("location.href=base+'/x'", &[]),
        ("location.href='/x'.concat(id)", &[]),
        ("location.href='/x' + '/y'", &[]),
        ("location.href+='/x'", &[]),
        ("location.href=='/x'", &[]),
        ("location.href!='/x'", &[]),
        ("location=`/x?${id}`", &[]),
        ("location=a?'/x':'/y'", &[]),
        ("location.hash='/x'", &[]),
        ("open('/x')", &[]),
        ("dialog.open('/x')", &[]),
        ("my.location='/x'", &[]),
        ("f().location='/x'", &[]),
        ("var location='/x'", &[]),
        ("openPage('/x')", &[]),
        ("alert('location=1;window.open(2)')", &[]),
        ("if(confirm('删除?')) location='/delete?id=1'", &[]),
        ("window.open('about:blank')", &[]),
        ("location='javascript:location=1'", &[]),
        ("window.open('/x' location='", &[]),
    ];
    for (code, want) in cases {
        let found = read(&format!("<li onclick=\"{code}\">x</li>")).links;
        let found: Vec<_> =
            found.iter().map(|link| link.url.as_str().trim_start_matches("http://portal.cn")).collect();
        assert_eq!(found, want, "{code}");
    }
}

#[test]
fn code_as_an_address() {
    assert_eq!(lines("<a href=\"javascript:location.href='/%E5%8A%9E'\">"), ["page /%E5%8A%9E"]);
    assert_eq!(lines("<a href=\"javascript:window.open(%27/x%27)\">"), ["page /x"]);
    assert_eq!(
        lines("<a href=\"javascript:void(window.open('/x'))\" onclick=\"location='/y'\">"),
        ["page /x", "page /y"]
    );
    assert_eq!(lines("<img src=\"javascript:location='/x'\">"), [""; 0]);
    let reading = read("<div title=名 onclick=\"location='/x'\">指南</div>");
    let link = &reading.links[0];
    assert_eq!((link.element, link.attribute, link.text.as_str()), ("div", "onclick", "指南"));
    assert_eq!(read("<body onload=\"location='/x'\">很长的正文").links[0].text, "<body>");
}
