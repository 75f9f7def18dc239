//! The smallest DOCX that word processors open.

use crate::zip::archive;

/// A DOCX with one paragraph per line, the first one as a title.
pub(super) fn docx(lines: &[&str]) -> Vec<u8> {
    const TYPES: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
        <Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
        <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
        <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
        <Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/>\
        </Types>";
    const RELATIONS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
        <Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
        <Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"word/document.xml\"/>\
        </Relationships>";
    let mut body = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
         <w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>",
    );
    for (i, line) in lines.iter().enumerate() {
        let style = if i == 0 {
            ("<w:pPr><w:jc w:val=\"center\"/></w:pPr>", "<w:rPr><w:b/><w:sz w:val=\"36\"/></w:rPr>")
        } else {
            ("", "<w:rPr><w:sz w:val=\"24\"/></w:rPr>")
        };
        let text = line.replace('&', "&amp;").replace('<', "&lt;");
        body.push_str("<w:p>");
        body.push_str(style.0);
        body.push_str("<w:r>");
        body.push_str(style.1);
        body.push_str("<w:t xml:space=\"preserve\">");
        body.push_str(&text);
        body.push_str("</w:t></w:r></w:p>");
    }
    body.push_str("</w:body></w:document>");
    archive(&[
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", RELATIONS.as_bytes()),
        ("word/document.xml", body.as_bytes()),
    ])
}
