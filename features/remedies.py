"""What to do about a refused row, by rule, in English and Chinese: at the source, or in the mapping that read it."""

REMEDIES = {
    "missing": (
        "Fill the value in at the source, or map the column that holds it, and deliver the row again",
        "在源系统补全该值或映射正确的列后重新报送",
    ),
    "type": (
        "Write numbers as 1234.56 without separators and dates as 2024-12-31; check that columns are not swapped",
        "数字写作 1234.56(不带千分位),日期写作 2024-12-31;检查列是否错位",
    ),
    "whole": ("Give money in minor units (fen, cents) and counts as whole numbers", "金额以最小单位(分)表示,计数用整数"),
    "low": ("Check sign and unit of the value at the source", "核对该值的正负号与单位"),
    "high": ("Check the unit: yuan and fen, percent and share are often confused", "核对单位(元与分、百分数与小数易混淆)"),
    "codes": (
        "Map the lender's code to one of those named, or correct it at the source; letters must match in case",
        "将机构代码映射到所列代码之一,或在源系统更正;区分大小写",
    ),
    "days": (
        "Write the year with four digits; leave a date empty where there is none, instead of 9999-12-31",
        "年份写四位;无日期时留空,勿用 9999-12-31",
    ),
    "hours": ("Deliver the calendar day alone, in the lender's time zone", "只报送日历日(以机构所在时区为准)"),
    "before": (
        "Check that event_on and known_on are not swapped; deliver what is planned only in tables that announce it",
        "检查 event_on 与 known_on 是否颠倒;仅预告类表可报送未来事项",
    ),
    "asked": (
        "Check that asked_on and event_on are not swapped: an outcome is asked about first and settled later",
        "检查 asked_on 与 event_on 是否颠倒:先观察,后确定结果",
    ),
    "payout": (
        "Ask on the day of the payout or later; check the days of this loan in the loans table",
        "观察日应不早于放款日;核对 loans 表中该贷款的日期",
    ),
    "padded": ("Remove the blanks at the source: with them it is another identity", "在源系统去除空白,否则视为不同编号"),
    "marks": ("Export the file as UTF-8 and remove zero bytes", "以 UTF-8 导出并去除零字节"),
    "long": ("Check that columns are not swapped or lines joined", "检查列是否错位或行是否粘连"),
    "twice": (
        "Keep the right one of these rows; deliver a correction in a later file under the same record_id",
        "仅保留正确的一行;更正应以相同 record_id 在后续文件中报送",
    ),
    "theirs": (
        "Give the record an id of its own, for example with the name of its system before it, and send it again",
        "为该记录使用独立编号(如加系统名前缀)后重新报送",
    ),
    "loan": (
        "Deliver this loan of this borrower in the loans table (it may have been refused too), then this row again",
        "先在 loans 表报送该借款人的这笔贷款(可能也被拒收),再重新报送本行",
    ),
    "borrower": (
        "Deliver the borrower in the borrowers table (he may have been refused too), then this row again",
        "先在 borrowers 表报送该借款人(可能也被拒收),再重新报送本行",
    ),
}
"""What to do at the source."""

_NUMBER = (
    "At {place} say how it is written: decimal and thousands (or once under [numbers], with strip for signs), codes for words",
    "请在 {place} 说明写法:decimal、thousands(或统一写在 [numbers],用 strip 去除符号),文字用 codes",
)
_AS_TEXT = (
    "Check encoding, delimiter and quote of the file under [files], and that {place} names the right column",
    "请检查 [files] 中该文件的 encoding、delimiter、quote,以及 {place} 所指的列",
)
_NAMED = (
    "{place} must name him or it as the other table does: the same column, the same prefix and hash. If that row is missing or"
    " refused, deliver it first",
    "{place} 的编号须与另一表一致(同列、同 prefix、同 hash);若该行缺失或被拒收,请先补报",
)
MAPPED = {
    "missing": (
        "Name at {place} the column that holds it, or a constant; rows that have none can be left out by a where",
        "请在 {place} 指定含有该值的列或常量;没有该值的行可用 where 排除",
    ),
    "type": _NUMBER,
    "type date": (
        'At {place} say how days are written, as format = "%d.%m.%Y" or a list, and under null what stands for no day',
        '请在 {place} 用 format(如 "%d.%m.%Y" 或列表)说明日期写法,用 null 列出代表无日期的词',
    ),
    "type flag": (
        "At {place} say what each code means: codes = { Y = true, N = false }",
        "请在 {place} 说明代码含义:codes = { Y = true, N = false }",
    ),
    "whole": (
        "At {place} say unit (1000 for thousands, 0.01 for cents; 12 for years that count months), or round = true",
        "请在 {place} 设 unit(千元为 1000,分为 0.01;以年表示的月数为 12),或 round = true",
    ),
    "low": (
        'At {place} check unit; where the sign is turned, expression = "-number(x)"; for a word as -999, null',
        '请检查 {place} 的 unit;符号相反时用 expression = "-number(x)";-999 之类用 null',
    ),
    "high": (
        "At {place} check unit: 0.01 for per cent or cents; for a word as 9999, null",
        "请检查 {place} 的 unit(百分数或分为 0.01);9999 之类用 null",
    ),
    "codes": (
        'At {place} say what each code means, as codes = { A = "..." }, and otherwise for the rest',
        '请在 {place} 用 codes = { A = "..." } 说明代码含义,其余用 otherwise',
    ),
    "days": (
        'At {place}: not_after for years of two digits; null = ["9999-12-31"] where a day stands for none',
        '请在 {place}:两位年份用 not_after;代表无日期的用 null = ["9999-12-31"]',
    ),
    "hours": ("At {place} take the day alone: date_of(x)", "请在 {place} 只取日期:date_of(x)"),
    "before": (
        "At {place} check which day is meant; known_on cannot lie before event_on of the same row",
        "请检查 {place} 所指日期;known_on 不能早于同一行的 event_on",
    ),
    "asked": (
        "At {place} and at event_on check which day is which: asked first, settled later",
        "请检查 {place} 与 event_on:先观察,后确定结果",
    ),
    "payout": (
        "At {place} take the day of the payout or a later one; the loan's is event_on of tables.loans",
        "请在 {place} 取不早于放款日的日期;放款日为 tables.loans 的 event_on",
    ),
    "padded": _AS_TEXT,
    "marks": _AS_TEXT,
    "long": _AS_TEXT,
    "twice": (
        "At {place} add the columns that tell such rows apart, or numbered = true; if they are one record, keep the right one"
        " with a relation (keep)",
        "请在 {place} 加上能区分这些行的列,或设 numbered = true;若为同一记录,用中间表的 keep 保留一行",
    ),
    "loan": _NAMED,
    "borrower": _NAMED,
}
"""What to do in the mapping; a rule and a kind of column stand before the rule alone."""


def remedy(rule: str, kind: str, place: str | None) -> tuple[str, str]:
    """What to do, in English and Chinese; ``place`` is where the mapping says how the column is read, if one does."""
    mapped = MAPPED.get(f"{rule} {kind}", MAPPED.get(rule))
    if place is None or mapped is None:  # no mapping reads what arrives between two nights
        return REMEDIES[rule]
    en, zh = mapped
    return en.replace("{place}", place), zh.replace("{place}", place)
