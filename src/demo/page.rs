//! From templates to answers, and the pages that every city shares.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::city::City;

/// A page in UTF-8.
pub(super) fn html<T: Template>(template: &T) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => unrendered(&error),
    }
}

/// A page in GBK, which only its `<meta>` element says: that is how old portals do it.
pub(super) fn gbk<T: Template>(template: &T) -> Response {
    match template.render() {
        Ok(text) => {
            let (bytes, ..) = encoding_rs::GBK.encode(&text);
            let kind = HeaderValue::from_static("text/html");
            ([(header::CONTENT_TYPE, kind)], bytes.into_owned()).into_response()
        }
        Err(error) => unrendered(&error),
    }
}

fn unrendered(error: &askama::Error) -> Response {
    tracing::error!(%error, "could not render a page of the demo portal");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// The answer with another status.
pub(super) fn with_status(status: StatusCode, mut response: Response) -> Response {
    *response.status_mut() = status;
    response
}

/// `303 See Other`.
pub(super) fn see_other(path: &str) -> Response {
    axum::response::Redirect::to(path).into_response()
}

/// A short page that ends a visit: what went wrong, and what the portal says about it.
#[derive(Template)]
#[template(path = "demo/templates/common/stop.html")]
struct Stop {
    city: City,
    title: &'static str,
    text: &'static str,
}

/// `404`, in the words that most portals use.
pub(super) fn not_found(city: City) -> Response {
    let page = Stop {
        city,
        title: "404",
        text: "抱歉，您访问的页面不存在或已被删除。请返回首页重新查找，或者拨打政务服务热线咨询。",
    };
    with_status(StatusCode::NOT_FOUND, html(&page))
}

/// `500`, as an application server shows it.
pub(super) fn server_error(city: City) -> Response {
    let page = Stop {
        city, title: "系统异常", text: "服务器内部错误，请稍后再试。错误代码：GW-500-0017。"
    };
    with_status(StatusCode::INTERNAL_SERVER_ERROR, html(&page))
}

/// Maintenance, with the status 200 that real portals send with it.
pub(super) fn maintenance(city: City) -> Response {
    let page = Stop {
        city,
        title: "系统维护公告",
        text: "为向您提供更优质的服务，系统正在维护，暂停服务。维护期间给您带来的不便，敬请谅解。",
    };
    html(&page)
}

/// A refused upload.
pub(super) fn too_large(city: City) -> Response {
    let page =
        Stop {
            city, title: "上传失败", text: "文件超过大小限制，每个文件不得超过 2 MB。请压缩后重新上传。"
        };
    with_status(StatusCode::PAYLOAD_TOO_LARGE, html(&page))
}

/// A slider that nobody here can drag.
#[derive(Template)]
#[template(path = "demo/templates/common/captcha.html")]
struct Captcha {
    city: City,
}

/// A captcha in front of a page.
pub(super) fn captcha(city: City) -> Response {
    html(&Captcha { city })
}

/// A web application firewall.
#[derive(Template)]
#[template(path = "demo/templates/common/waf.html")]
struct Waf<'a> {
    challenge: bool,
    event: &'a str,
}

/// `403`: the request looks like an attack.
pub(super) fn blocked(event: &str) -> Response {
    with_status(StatusCode::FORBIDDEN, html(&Waf { challenge: false, event }))
}

/// `412`: a script has to prove that it is a browser first.
pub(super) fn challenge(event: &str) -> Response {
    with_status(StatusCode::PRECONDITION_FAILED, html(&Waf { challenge: true, event }))
}

/// `502`, as a proxy whose server is gone shows it.
pub(super) fn bad_gateway() -> Response {
    const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
        <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    (StatusCode::BAD_GATEWAY, Html(PAGE)).into_response()
}
