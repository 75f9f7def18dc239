//! The items that the cities offer, and what their guides say.
//!
//! Names and legal bases are those of real items; offices, streets and numbers are made up.

use super::city::City;

/// Who an item is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// 个人服务
    Person,
    /// 法人服务
    Company,
}

/// One thing to hand in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Material {
    /// Its name.
    pub name: &'static str,
    /// Original, copy, number of copies, electronic or paper.
    pub form: &'static str,
    /// The path of a blank form below the city's home page.
    pub file: Option<&'static str>,
}

/// An item with its guide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// Its part of the address.
    pub slug: &'static str,
    /// 事项名称
    pub title: &'static str,
    /// Who it is for.
    pub audience: Audience,
    /// The office.
    pub office: &'static str,
    /// How deep it goes online, as the guide claims.
    pub depth: &'static str,
    /// How often one has to come in person, as the guide claims.
    pub visits: &'static str,
    /// The legal time limit in working days.
    pub limit: &'static str,
    /// 设定依据
    pub basis: &'static [&'static str],
    /// 申请条件
    pub conditions: &'static [&'static str],
    /// 办理材料
    pub materials: &'static [Material],
    /// 办理地点
    pub place: &'static str,
    /// 办理时间; empty where the guide says nothing.
    pub hours: &'static str,
    /// 联系电话
    pub phone: &'static str,
    /// 办理流程
    pub flow: &'static [&'static str],
}

/// The slug of the drug-business licence in every city.
pub(super) const DRUG: &str = "drug-licence";
/// The slug of the temporary identity card.
pub(super) const CARD: &str = "temporary-id";

const HOURS: &str = "工作日 上午 9:00—12:00，下午 13:30—17:00（法定节假日除外）";
const FLOW: &[&str] = &["申请", "受理", "审查", "决定", "制证与送达"];

const fn paper(name: &'static str, form: &'static str) -> Material {
    Material { name, form, file: None }
}

const fn blank(name: &'static str, form: &'static str, file: &'static str) -> Material {
    Material { name, form, file: Some(file) }
}

const COMPANY: Item = Item {
    slug: "",
    title: "",
    audience: Audience::Company,
    office: "示范市行政审批局",
    depth: "全程网办",
    visits: "0 次",
    limit: "法定 20 个工作日，承诺 5 个工作日",
    basis: &["《中华人民共和国行政许可法》第十二条"],
    conditions: &["依法登记的企业、个体工商户或者其他组织", "经营场所与申请的活动相适应"],
    materials: &[paper("营业执照", "电子证照，系统自动调取"), paper("法定代表人身份证明", "扫描件 1 份")],
    place: "示范市市民中心二层 企业服务专区 A12—A18 窗口（文化路 1 号）",
    hours: HOURS,
    phone: "0800-1234501",
    flow: FLOW,
};

const PERSON: Item = Item {
    audience: Audience::Person,
    office: "示范市公安局",
    depth: "互联网受理",
    visits: "1 次",
    limit: "法定 30 个工作日，承诺 10 个工作日",
    basis: &["《中华人民共和国行政许可法》第十二条"],
    conditions: &["本市户籍居民，或者在本市连续居住六个月以上"],
    materials: &[paper("居民身份证或户口簿", "原件核验"), paper("近期证件照片", "电子版 1 张")],
    place: "示范市市民中心一层 综合服务专区 B01—B10 窗口（文化路 1 号）",
    phone: "0800-1234502",
    ..COMPANY
};

const DRUG_BASIS: &[&str] = &[
    "《中华人民共和国药品管理法》第五十一条：从事药品零售活动，应当经所在地县级以上地方人民政府药品监督管理部门批准，取得药品经营许可证。",
    "《药品经营和使用质量监督管理办法》（国家市场监督管理总局令第 84 号）",
];
const DRUG_CONDITIONS: &[&str] = &[
    "具有依法经过资格认定的药师或者其他药学技术人员",
    "具有与所经营药品相适应的营业场所、设备、仓储设施和卫生环境",
    "具有与所经营药品相适应的质量管理机构或者人员",
    "具有保证药品质量的规章制度",
];
const CARD_BASIS: &[&str] = &[
    "《中华人民共和国居民身份证法》第十二条：公民在申请领取、换领、补领居民身份证期间，急需使用居民身份证的，可以申请领取临时居民身份证。",
    "《中华人民共和国临时居民身份证管理办法》（公安部令第 78 号）",
];

static SHIFAN: &[Item] = &[
    Item {
        slug: DRUG,
        title: "药品经营许可证核发（零售）",
        office: "示范市市场监督管理局",
        basis: DRUG_BASIS,
        conditions: DRUG_CONDITIONS,
        materials: &[
            blank("药品经营许可证申请表", "电子版 1 份，可下载空表", "files/drug-licence-form.docx"),
            paper("营业执照", "电子版 1 份（PDF、JPG 或 PNG，不超过 2 MB）"),
            paper("经营场所平面布局图", "电子版 1 份（PDF、JPG 或 PNG，不超过 2 MB）"),
            paper("执业药师注册证", "电子版 1 份（PDF、JPG 或 PNG，不超过 2 MB）"),
            blank("材料真实性承诺书", "电子版 1 份", "files/pledge.pdf"),
        ],
        flow: &[
            "网上填报并上传材料",
            "当场出具受理通知",
            "资料审查与现场检查",
            "作出决定",
            "发放电子证照，邮寄纸质证照（可选）",
        ],
        ..COMPANY
    },
    Item {
        slug: CARD,
        title: "居民临时身份证办理",
        depth: "互联网受理（全程网办）",
        visits: "0 次",
        limit: "法定 3 日，承诺 当日",
        basis: CARD_BASIS,
        conditions: &["本市户籍居民", "正在申领、换领或者补领居民身份证，并且急需使用"],
        materials: &[
            blank("临时居民身份证申领登记表", "电子版 1 份", "files/temporary-id-form.doc"),
            paper("居民户口簿", "原件核验"),
            paper("近期免冠一寸黑白照片", "2 张"),
        ],
        place: "户籍所在地派出所户籍窗口",
        phone: "0800-1234510",
        flow: &["登录并通过人脸识别", "填报信息", "派出所审核", "领取证件"],
        ..PERSON
    },
    Item {
        slug: "food-licence",
        title: "食品经营许可证核发",
        office: "示范市市场监督管理局",
        basis: &["《中华人民共和国食品安全法》第三十五条", "《食品经营许可和备案管理办法》第四条"],
        materials: &[
            blank("食品经营许可申请书", "电子版 1 份", "files/food-licence-form.docx"),
            paper("主要设备设施、经营布局和操作流程图", "电子版 1 份"),
            paper("食品安全规章制度清单", "电子版 1 份"),
        ],
        ..COMPANY
    },
    Item {
        slug: "medical-device",
        title: "第二类医疗器械经营备案",
        office: "示范市市场监督管理局",
        basis: &["《医疗器械监督管理条例》第四十一条"],
        ..COMPANY
    },
    Item {
        slug: "company-registration",
        title: "有限责任公司设立登记",
        office: "示范市市场监督管理局",
        basis: &["《中华人民共和国公司法》第二十九条", "《中华人民共和国市场主体登记管理条例》第三条"],
        ..COMPANY
    },
    Item {
        slug: "hygiene-licence",
        title: "公共场所卫生许可",
        office: "示范市卫生健康委员会",
        basis: &["《公共场所卫生管理条例》第四条"],
        ..COMPANY
    },
    Item {
        slug: "labour-dispatch",
        title: "劳务派遣经营许可",
        office: "示范市人力资源和社会保障局",
        basis: &["《中华人民共和国劳动合同法》第五十七条"],
        ..COMPANY
    },
    Item {
        slug: "residence-permit", title: "居住证申领", basis: &["《居住证暂行条例》第二条"], ..PERSON
    },
    Item {
        slug: "birth-registration",
        title: "出生登记",
        basis: &["《中华人民共和国户口登记条例》第七条"],
        ..PERSON
    },
    Item {
        slug: "social-card",
        title: "社会保障卡补领、换领",
        office: "示范市人力资源和社会保障局",
        basis: &["《中华人民共和国社会保险法》第五十八条"],
        ..PERSON
    },
    Item {
        slug: "provident-fund",
        title: "住房公积金提取（租房）",
        office: "示范市住房公积金管理中心",
        basis: &["《住房公积金管理条例》第二十四条"],
        ..PERSON
    },
    Item {
        slug: "marriage",
        title: "内地居民结婚登记",
        office: "示范市民政局",
        depth: "网上预约",
        basis: &["《中华人民共和国民法典》第一千零四十九条", "《婚姻登记条例》第七条"],
        ..PERSON
    },
];

const LINHAI_COMPANY: Item = Item {
    office: "临海市政务服务管理局",
    place: "临海市行政服务中心三楼 C 区 7 号窗口（海滨大道 88 号）",
    phone: "0800-2234501",
    depth: "互联网预审",
    visits: "1 次",
    ..COMPANY
};
const LINHAI_PERSON: Item = Item {
    audience: Audience::Person,
    office: "临海市公安局",
    place: "临海市行政服务中心一楼 A 区 2 号窗口（海滨大道 88 号）",
    phone: "0800-2234502",
    ..LINHAI_COMPANY
};

static LINHAI: &[Item] = &[
    Item {
        slug: DRUG,
        title: "药品经营许可证核发",
        office: "临海市市场监督管理局",
        basis: DRUG_BASIS,
        conditions: DRUG_CONDITIONS,
        materials: &[
            blank("药品经营许可证申请表", "纸质 2 份，电子版 1 份", "files/drug-licence-form.docx"),
            paper("营业执照", "复印件 1 份"),
            paper("执业药师注册证", "原件和复印件各 1 份"),
            paper("经营场所平面图", "纸质 1 份"),
        ],
        flow: &["企业法人账号登录申报", "预审", "受理", "现场检查", "发证"],
        ..LINHAI_COMPANY
    },
    Item {
        slug: CARD,
        title: "临时居民身份证办理",
        depth: "互联网咨询",
        visits: "2 次",
        limit: "法定 3 日",
        basis: CARD_BASIS,
        conditions: &["本市户籍居民", "正在申领、换领或者补领居民身份证"],
        materials: &[paper("居民户口簿", "原件"), paper("一寸免冠黑白相片", "2 张")],
        place: "户籍所在地派出所",
        phone: "0800-2234510",
        flow: &["提出申请", "审核", "领证"],
        ..LINHAI_PERSON
    },
    Item {
        slug: "food-licence",
        title: "食品经营许可证核发",
        office: "临海市市场监督管理局",
        basis: &["详见办事窗口公告"],
        hours: "",
        ..LINHAI_COMPANY
    },
    Item {
        slug: "fishing-licence",
        title: "渔业捕捞许可审批",
        office: "临海市农业农村局",
        basis: &["《中华人民共和国渔业法》第二十三条"],
        ..LINHAI_COMPANY
    },
    Item {
        slug: "port-operation",
        title: "港口经营许可",
        office: "临海市交通运输局",
        basis: &["《中华人民共和国港口法》第二十二条"],
        ..LINHAI_COMPANY
    },
    Item {
        slug: "seafarer",
        title: "船员服务簿签发",
        office: "临海市交通运输局",
        basis: &["《中华人民共和国船员条例》第六条"],
        ..LINHAI_PERSON
    },
    Item {
        slug: "residence-permit",
        title: "居住证申领",
        basis: &["《居住证暂行条例》第二条"],
        ..LINHAI_PERSON
    },
    Item {
        slug: "pension",
        title: "城乡居民养老保险参保登记",
        office: "临海市人力资源和社会保障局",
        basis: &["《中华人民共和国社会保险法》第二十条"],
        ..LINHAI_PERSON
    },
];

const BEISHAN_COMPANY: Item = Item {
    office: "北山市政务服务中心",
    place: "北山市人民路 12 号 政务服务中心 4 号窗口",
    phone: "0800-3234501",
    hours: "周一至周五 8:30—11:30,14:00—17:00",
    depth: "网上申请",
    visits: "1 次",
    ..COMPANY
};

static BEISHAN: &[Item] = &[
    Item {
        slug: DRUG,
        title: "药品经营许可证核发",
        office: "北山市市场监督管理局",
        basis: DRUG_BASIS,
        conditions: DRUG_CONDITIONS,
        materials: &[
            blank("药品经营许可证申请表", "纸质 2 份，加盖公章", "files/drug-licence-form.docx"),
            paper("营业执照", "复印件 2 份，加盖公章"),
            paper("执业药师注册证", "复印件 2 份"),
            paper("经营场所平面图", "纸质 1 份"),
        ],
        flow: &["下载并填写申请表", "寄送材料", "审查", "现场检查", "发证"],
        ..BEISHAN_COMPANY
    },
    Item {
        slug: "food-licence",
        title: "食品经营许可证核发",
        office: "北山市市场监督管理局",
        basis: &["《中华人民共和国食品安全法》第三十五条"],
        ..BEISHAN_COMPANY
    },
    Item {
        slug: "logging",
        title: "林木采伐许可证核发",
        office: "北山市林业和草原局",
        basis: &["《中华人民共和国森林法》第五十六条"],
        ..BEISHAN_COMPANY
    },
    Item {
        slug: "seed",
        title: "农作物种子生产经营许可证核发",
        office: "北山市农业农村局",
        basis: &["《中华人民共和国种子法》第三十一条"],
        ..BEISHAN_COMPANY
    },
    Item {
        slug: "heating",
        title: "供热经营许可",
        office: "北山市住房和城乡建设局",
        basis: &["《北山市供热管理办法》第九条"],
        ..BEISHAN_COMPANY
    },
    Item {
        slug: "residence-permit",
        title: "居住证申领",
        audience: Audience::Person,
        office: "北山市公安局",
        basis: &["《居住证暂行条例》第二条"],
        ..BEISHAN_COMPANY
    },
];

/// The items of a city.
pub(super) fn items(city: City) -> &'static [Item] {
    match city {
        City::Shifan => SHIFAN,
        City::Linhai => LINHAI,
        City::Beishan => BEISHAN,
    }
}

/// One item of a city.
pub(super) fn item(city: City, slug: &str) -> Option<&'static Item> {
    items(city).iter().find(|item| item.slug == slug)
}

/// What a search finds, best first. White space in the query does not count.
///
/// A title fits when it contains the query, or when it shares at least half of the query's pairs
/// of neighbouring characters; so `药品经营许可证` finds the drug licence and `食品经营许可证`,
/// as real portals do.
pub(super) fn search(city: City, query: &str) -> Vec<&'static Item> {
    let query: Vec<char> = query.chars().filter(|c| !c.is_whitespace()).take(50).collect();
    let pairs: Vec<String> = match query.len() {
        0 => return Vec::new(),
        1 => vec![query.iter().collect()],
        _ => query.windows(2).map(|pair| pair.iter().collect()).collect(),
    };
    let mut found: Vec<(usize, &Item)> = items(city)
        .iter()
        .map(|item| (pairs.iter().filter(|pair| item.title.contains(pair.as_str())).count(), item))
        .filter(|(shared, _)| shared * 2 >= pairs.len())
        .collect();
    found.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    found.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_find_what_people_mean() {
        let first = |city, query: &str| search(city, query).first().map(|item| item.slug);
        let cases = [
            (City::Shifan, "药品经营许可证", Some(DRUG)),
            (City::Shifan, " 药品 经营 ", Some(DRUG)),
            (City::Shifan, "临时身份证", Some(CARD)),
            (City::Linhai, "临时身份证", Some(CARD)),
            (City::Beishan, "药品经营许可证", Some(DRUG)),
            (City::Beishan, "临时身份证", None),
            (City::Shifan, "", None),
            (City::Shifan, "飞碟", None),
        ];
        for (city, query, want) in cases {
            assert_eq!(first(city, query), want, "{query} in {}", city.name());
        }
    }

    #[test]
    fn no_element_of_a_guide_is_missing_but_where_it_is_meant_to_be() {
        for city in City::ALL {
            for item in items(city) {
                let complete = !item.basis.is_empty()
                    && !item.conditions.is_empty()
                    && !item.materials.is_empty()
                    && ![item.place, item.hours, item.phone].contains(&"")
                    && !item.flow.is_empty();
                let meant = (city, item.slug) != (City::Linhai, "food-licence");
                assert_eq!(complete, meant, "{} of {}", item.title, city.name());
            }
        }
    }
}
