//! What the pages say: the words of a city portal, in both scripts, so that every page can be
//! written in its own encoding without a single numeric reference.

/// The words of one script.
pub struct Words {
    /// The `lang` of its pages.
    pub lang: &'static str,
    /// The name of the portal.
    pub portal: &'static str,
    /// The names of the channels, in the order of [`super::CHANNELS`].
    pub channels: [&'static str; 4],
    /// "You are here".
    pub position: &'static str,
    /// The home page.
    pub home: &'static str,
    /// The link to the contacts.
    pub contact: &'static str,
    departments: [&'static str; 8],
    matters: [&'static str; 9],
    kinds: [&'static str; 5],
    paragraphs: [&'static str; 6],
    /// "About", the preposition of every official title.
    about: &'static str,
    /// The particle between a matter and what is said about it.
    of: &'static str,
}

impl Words {
    /// The title of page or link `n`.
    pub fn title(&self, n: usize) -> String {
        let department = self.departments[n % 8];
        let matter = self.matters[(n / 8 + n) % 9];
        let kind = self.kinds[(n / 72 + n) % 5];
        format!("{department}{}{matter}{}{kind}", self.about, self.of)
    }

    /// Paragraph `n` of an article.
    pub fn paragraph(&self, n: usize) -> &'static str {
        self.paragraphs[n % 6]
    }
}

/// Simplified characters: every page but those in Big5.
pub const SIMPLIFIED: Words = Words {
    lang: "zh-CN",
    portal: "示范市人民政府",
    channels: ["政务公开", "办事服务", "互动交流", "专题专栏"],
    position: "您现在的位置",
    home: "首页",
    contact: "联系我们",
    departments: [
        "市场监督管理局",
        "卫生健康委员会",
        "教育局",
        "公安局",
        "民政局",
        "财政局",
        "税务局",
        "自然资源局",
    ],
    matters: [
        "药品经营许可",
        "食品经营许可",
        "义务教育阶段招生",
        "不动产登记",
        "养老机构备案",
        "公共场所卫生许可",
        "居住证办理",
        "政府信息公开年度",
        "优化营商环境",
    ],
    kinds: ["通知", "公告", "办事指南", "政策解读", "工作报告"],
    paragraphs: [
        "各县（区）人民政府，市政府各部门、各直属单位：为进一步规范审批行为，方便企业和群众办事，现将有关事项通知如下，请结合实际认真贯彻执行。",
        "申请人应当提交营业执照复印件、经营场所平面图、主要设备清单以及法律、法规规定的其他材料，并对材料的真实性负责。材料齐全的，当场受理。",
        "受理机关自受理之日起二十个工作日内作出决定。需要现场核查的，由两名以上工作人员进行，核查时间不计算在办理时限之内。",
        "办理结果可以通过政务服务大厅窗口领取，也可以选择邮寄送达。电子证照与纸质证照具有同等法律效力，可在全国范围内使用。",
        "本办法自发布之日起施行，有效期五年。此前规定与本办法不一致的，以本办法为准，由市行政审批服务管理局负责解释。",
        "监督电话工作日上午八时三十分至十二时，下午二时至五时三十分有人接听；对办理结果不服的，可以依法申请行政复议或者提起诉讼。",
    ],
    about: "关于",
    of: "的",
};

/// Traditional characters, for pages in Big5.
pub const TRADITIONAL: Words = Words {
    lang: "zh-TW",
    portal: "示範市人民政府",
    channels: ["政務公開", "辦事服務", "互動交流", "專題專欄"],
    position: "您現在的位置",
    home: "首頁",
    contact: "聯繫我們",
    departments: [
        "市場監督管理局",
        "衛生健康委員會",
        "教育局",
        "公安局",
        "民政局",
        "財政局",
        "稅務局",
        "自然資源局",
    ],
    matters: [
        "藥品經營許可",
        "食品經營許可",
        "義務教育階段招生",
        "不動產登記",
        "養老機構備案",
        "公共場所衛生許可",
        "居住證辦理",
        "政府信息公開年度",
        "優化營商環境",
    ],
    kinds: ["通知", "公告", "辦事指南", "政策解讀", "工作報告"],
    paragraphs: [
        "各縣（區）人民政府，市政府各部門、各直屬單位：為進一步規範審批行為，方便企業和群眾辦事，現將有關事項通知如下，請結合實際認真貫徹執行。",
        "申請人應當提交營業執照複印件、經營場所平面圖、主要設備清單以及法律、法規規定的其他材料，並對材料的真實性負責。材料齊全的，當場受理。",
        "受理機關自受理之日起二十個工作日內作出決定。需要現場核查的，由兩名以上工作人員進行，核查時間不計算在辦理時限之內。",
        "辦理結果可以通過政務服務大廳窗口領取，也可以選擇郵寄送達。電子證照與紙質證照具有同等法律效力，可在全國範圍內使用。",
        "本辦法自發布之日起施行，有效期五年。此前規定與本辦法不一致的，以本辦法為準，由市行政審批服務管理局負責解釋。",
        "監督電話工作日上午八時三十分至十二時，下午二時至五時三十分有人接聽；對辦理結果不服的，可以依法申請行政複議或者提起訴訟。",
    ],
    about: "關於",
    of: "的",
};
