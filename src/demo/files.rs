//! Attachments: blank forms that open, one that is missing, and two that are not what they say.

use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::zip;

use super::city::City;
use super::docx::docx;
use super::{page, pdf};

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

const FORM: &[&str] = &[
    "药品经营许可证申请表",
    "企业名称：____________________",
    "统一社会信用代码：____________________",
    "法定代表人：____________________",
    "经营场所地址：____________________",
    "经营方式：□ 零售（单体）  □ 零售（连锁门店）",
    "经营范围：□ 中成药  □ 化学药制剂  □ 中药饮片  □ 生物制品",
    "执业药师及注册证编号：____________________",
    "本申请表为演示样张，不具有法律效力。",
];

pub(super) fn routes() -> Router {
    Router::new()
        .route("/files/{name}", get(async |Path(name): Path<String>| attachment(City::Shifan, &name)))
        .route("/linhai/files/{name}", get(async |Path(name): Path<String>| attachment(City::Linhai, &name)))
        .route(
            "/beishan/files/{name}",
            get(async |Path(name): Path<String>| attachment(City::Beishan, &name)),
        )
}

/// The names are looked up in a list; nothing here opens a file.
fn attachment(city: City, name: &str) -> Response {
    let (kind, bytes) = match (city, name) {
        (City::Shifan | City::Beishan, "drug-licence-form.docx") => (DOCX, docx(FORM)),
        // A PDF under the name of a DOCX.
        (City::Linhai, "drug-licence-form.docx") => (DOCX, blank_pdf("药品经营许可证申请表")),
        (City::Shifan, "pledge.pdf") => ("application/pdf", blank_pdf("材料真实性承诺书")),
        (City::Shifan, "materials.zip") => {
            let form = docx(FORM);
            let pledge = blank_pdf("材料真实性承诺书");
            let files: [(&str, &[u8]); 2] =
                [("药品经营许可证申请表.docx", &form), ("材料真实性承诺书.pdf", &pledge)];
            ("application/zip", zip::archive(&files))
        }
        // An error page under the name and the type of a word-processor file, with status 200.
        (City::Shifan, "temporary-id-form.doc") => (
            "application/msword",
            "<html><head><meta charset=\"utf-8\"><title>提示</title></head><body>文件不存在</body></html>"
                .into(),
        ),
        _ => return page::not_found(city),
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition.as_str())], bytes)
        .into_response()
}

fn blank_pdf(title: &str) -> Vec<u8> {
    let lines = "单位名称：\n经办人：\n日期：    年  月  日\n本单位承诺所提交的材料真实、合法、有效，并对其真实性负责。";
    pdf::document(title, lines, "演示样张 不具有法律效力")
}
