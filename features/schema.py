"""The canonical tables, as data: every column with its type, unit and meaning, and every table with its clocks.

A record carries two clocks. ``event_on`` is the day it happened (each table says what that means), ``known_on`` the day the
lender could first know it. A correction does not overwrite: it closes the old record on ``superseded_on`` and adds a new one.

Every other module reads these tables as data: the checks at the door, the ledger's sort order, the feature catalogue, the SQL
that auditors run, and docs/tables.md.
"""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["id", "code", "text", "date", "money", "count", "number", "flag"]
Entity = Literal["borrower", "loan", "industry", "region"]

SQL_TYPES: dict[Kind, str] = {
    "id": "VARCHAR",
    "code": "VARCHAR",
    "text": "VARCHAR",
    "date": "DATE",
    "money": "BIGINT",
    "count": "BIGINT",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
}

# Ten trillion minor units a record: far above any loan, and low enough that a window of 900 such records still adds up
# exactly in float64.
MONEY_LIMIT = 10_000_000_000_000
STATEMENT_LIMIT = 1_000_000_000_000_000

# Bytes. Longer values are something else that slipped into the column.
ID_LIMIT = 200
TEXT_LIMIT = 4_000


@dataclass(frozen=True)
class Column:
    """One column: what it holds, in which unit, and the bounds outside which a value is refused."""

    name: str
    kind: Kind
    en: str
    zh: str
    unit: str = ""
    required: bool = False
    low: float | None = None
    high: float | None = None
    codes: tuple[str, ...] = ()

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.kind]

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Lowest and highest accepted value; money and counts have bounds of their own."""
        if self.kind == "money":
            return (-MONEY_LIMIT if self.low is None else self.low, MONEY_LIMIT if self.high is None else self.high)
        if self.kind == "count":
            return (0 if self.low is None else self.low, self.high)
        return (self.low, self.high)

    @property
    def identifies(self) -> bool:
        """Whether records are told apart or joined by this column, so that a blank more is another value."""
        return self.kind == "id" or (self.kind == "text" and self.required)

    @property
    def personal(self) -> bool:
        """Whether its values may point to a person: shown by their shape only."""
        return self.kind in ("id", "text") or self.name in PERSONAL


@dataclass(frozen=True)
class Table:
    """One canonical table; ``entity`` says whose records these are and therefore how they are sorted.

    ``fresh_days`` is how long a lender may hear nothing from this source before it counts as silent: within it an empty
    window reads as zero, beyond it as unknown. ``ahead``: the table announces what is still to happen (a due date, a line
    that takes effect next month), so a record may be known before its day; elsewhere that is a fault. ``derived``: the ledger
    works the table out of the others after every ingest (``features.context``), and no source delivers it.
    """

    name: str
    entity: Entity
    en: str
    zh: str
    event_en: str
    event_zh: str
    columns: tuple[Column, ...]
    fresh_days: int
    keys: tuple[Column, ...] = field(default=())
    ahead: bool = False
    derived: bool = False

    @property
    def entity_column(self) -> str:
        return {"borrower": "borrower_id", "loan": "loan_id", "industry": "industry", "region": "region"}[self.entity]

    @property
    def partitioned(self) -> bool:
        """Whether the records belong to a borrower; the others are context that every partition reads."""
        return self.entity in ("borrower", "loan")

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Identity and clocks first, then the table's own columns, in file order."""
        return (RECORD_ID, *self.keys, EVENT_ON, KNOWN_ON, *self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.all_columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}; it has {', '.join(c.name for c in self.all_columns)}")


RECORD_ID = Column("record_id", "id", "Identity of the record at the lender", "记录编号", required=True)
EVENT_ON = Column("event_on", "date", "Day the record is about", "发生日", required=True)
KNOWN_ON = Column("known_on", "date", "Day the lender could first know it", "可知日", required=True)
SUPERSEDED_ON = Column("superseded_on", "date", "Day a correction became known; empty while it stands", "被更正日")
CONFIRMED_ON = Column("confirmed_on", "date", "Later days on which the lender said the same again (a list)", "再次确认日(列表)")
LEDGER_VERSION = Column("ledger_version", "count", "Ingest that brought the record", "账本版本")
BORROWER_ID = Column("borrower_id", "id", "Borrower", "借款人", required=True)
LOAN_ID = Column("loan_id", "id", "Loan", "贷款", required=True)


def money(name: str, en: str, zh: str, low: float | None = None, high: float | None = None, required: bool = False) -> Column:
    return Column(name, "money", en, zh, "minor units", required, low, high)


def stated(name: str, en: str, zh: str) -> Column:
    """An item of a financial statement: of few records, so larger amounts still add up exactly."""
    return money(name, en, zh, -STATEMENT_LIMIT, STATEMENT_LIMIT)


def count(name: str, en: str, zh: str, unit: str = "", high: float | None = None, required: bool = False) -> Column:
    return Column(name, "count", en, zh, unit, required, 0, high)


def number(
    name: str, en: str, zh: str, unit: str = "", low: float | None = None, high: float | None = None, required: bool = False
) -> Column:
    return Column(name, "number", en, zh, unit, required, low, high)


def code(name: str, en: str, zh: str, codes: str, required: bool = False) -> Column:
    return Column(name, "code", en, zh, required=required, codes=tuple(codes.split()))


def text(name: str, en: str, zh: str, required: bool = False) -> Column:
    return Column(name, "text", en, zh, required=required)


def date(name: str, en: str, zh: str, required: bool = False) -> Column:
    return Column(name, "date", en, zh, required=required)


def flag(name: str, en: str, zh: str, required: bool = False) -> Column:
    return Column(name, "flag", en, zh, required=required)


def of_borrower(
    name: str, en: str, zh: str, event: tuple[str, str], fresh_days: int, *columns: Column, ahead: bool = False
) -> Table:
    return Table(name, "borrower", en, zh, *event, columns, fresh_days, keys=(BORROWER_ID,), ahead=ahead)


def of_loan(name: str, en: str, zh: str, event: tuple[str, str], fresh_days: int, *columns: Column, ahead: bool = False) -> Table:
    return Table(name, "loan", en, zh, *event, columns, fresh_days, keys=(BORROWER_ID, LOAN_ID), ahead=ahead)


def peers(entity: Literal["industry", "region"], key: Column, zh: str) -> Table:
    return Table(
        f"{entity}_peers", entity, f"Defaults of the book by {entity}", zh, "the month end", "月末日",
        (
            count("loans", "Loans in sight and not in default a year before", "一年前在看且未违约的贷款数", required=True),
            count("defaulted", "Those of them that defaulted in the year", "其中一年内违约的贷款数", required=True),
        ),
        62, keys=(key,), derived=True,
    )  # fmt: skip


INDUSTRY = Column("industry", "text", "Industry code", "行业代码", required=True)
REGION = Column("region", "text", "Region code", "地区代码", required=True)
ALWAYS = 36_500
"""Freshness of a record that stands until it is changed (a contract, a master record)."""

_TABLES = (
    of_borrower(
        "borrowers", "Who borrows", "借款人", ("the day the entry took effect", "登记生效日"), ALWAYS,
        code("kind", "Person or company", "个人或企业", "person company", required=True),
        text("industry", "Industry code", "行业代码"),
        text("region", "Region code", "地区代码"),
        money("income", "Stated yearly income or revenue", "申报年收入", low=0),
        text("income_type", "Kind of income", "收入类型"),
        date("employed_on", "In the present job since", "现职起始日"),
        text("occupation", "Occupation", "职业"),
        text("housing", "Housing", "住房情况"),
        flag("owns_car", "Owns a car", "拥有车辆"),
        flag("owns_realty", "Owns real estate", "拥有房产"),
        code("account_kind", "Kind of account that loans are repaid from", "还款账户类型", "current savings other"),
        date("founded_on", "Company founded on", "企业成立日"),
        count("staff", "Staff", "员工人数", "people"),
        text("sex", "Sex (prohibited in champions)", "性别(模型禁用)"),
        date("born_on", "Date of birth (prohibited in champions)", "出生日(模型禁用)"),
        text("marriage", "Marital status (prohibited in champions)", "婚姻状况(模型禁用)"),
        text("education", "Education (prohibited in champions)", "教育程度(模型禁用)"),
        count("dependants", "Dependants (prohibited in champions)", "受抚养人数(模型禁用)", "people"),
        ahead=True,
    ),
    of_loan(
        "loans", "Contracts", "贷款合同", ("the day it was paid out or opened", "放款日或开户日"), ALWAYS,
        code("product", "Product", "产品", "working_capital fixed_assets mortgage consumer online card other", required=True),
        text("currency", "Currency (ISO 4217)", "币种"),
        money("principal", "Principal or limit granted", "本金或授信额", low=0),
        number("rate", "Yearly interest rate", "年利率", "per year", 0, 10),
        count("term_months", "Term", "期限", "months", 1_200),
        date("first_due_on", "First due date", "首期还款日"),
        date("matures_on", "Last due date", "到期日"),
        date("closed_on", "Closed on", "结清日"),
        ahead=True,
    ),
    of_borrower(
        "facilities", "Credit lines", "授信额度", ("the day the line took effect", "额度生效日"), ALWAYS,
        text("facility_id", "Line", "额度编号", required=True),
        money("limit_amount", "Limit", "额度", low=0, required=True),
        flag("committed", "Committed", "承诺性额度"),
        date("expires_on", "Expires on", "额度到期日"),
        ahead=True,
    ),
    of_loan(
        "card_cycles", "Card billing cycles", "信用卡账期", ("the billing day", "账单日"), 62,
        money("balance", "Balance billed", "账单余额", required=True),
        money("minimum_due", "Minimum due", "最低还款额", low=0),
        money("credit_limit", "Limit in force", "信用额度", low=0),
        money("paid", "Paid in the cycle", "本期还款", low=0),
        money("cash_advance", "Cash drawn in the cycle", "本期取现", low=0),
        date("due_on", "Due on", "到期还款日"),
    ),
    of_loan(
        "instalments", "What is due", "还款计划", ("the due date", "应还日"), 100,
        count("number", "Number in the schedule", "期次"),
        money("principal", "Principal due", "应还本金", low=0, required=True),
        money("interest", "Interest due", "应还利息", low=0, required=True),
        money("fee", "Fees due", "应还费用", low=0),
        money("penalty", "Penalties due", "应还罚息", low=0),
        count("schedule", "Schedule it belongs to; empty or 0 for the first", "所属还款计划(空或 0 为原计划)"),
        ahead=True,
    ),
    of_loan(
        "payments", "What was paid", "还款记录", ("the value date", "起息日"), 100,
        money("amount", "Amount, negative for a reversal", "金额(冲正为负)", required=True),
        code("kind", "Kind", "类型", "scheduled prepayment recovery reversal"),
        text("channel", "Channel", "渠道"),
    ),
    of_loan(
        "statuses", "Month-end status", "月末状态", ("the month end", "月末日"), 62,
        code("state", "State", "状态", "current revolving late paid_off no_loan written_off", required=True),
        count("dpd", "Days past due, at least", "逾期天数(下限)", "days", 36_500),
        money("balance", "Balance owed", "欠款余额"),
    ),
    of_borrower(
        "transactions", "Account flows", "账户流水", ("the booking day", "记账日"), 45,
        text("account_id", "Account", "账户"),
        money("amount", "Amount, positive when money comes in", "金额(流入为正)", required=True),
        money("balance", "Balance afterwards", "交易后余额"),
        code(
            "kind", "Kind", "类型",
            "salary sales transfer rent utility consumption cash loan repayment tax gambling securities fee interest other",
            required=True,
        ),
        text("counterparty", "Counterparty, pseudonymous", "交易对手(化名)"),
    ),
    of_borrower(
        "statements", "Financial statements", "财务报表", ("the end of the period", "报告期末"), 460,
        count("period_months", "Length of the period", "报告期长度", "months", 24, required=True),
        flag("audited", "Audited", "经审计"),
        stated("cash", "Cash and equivalents", "货币资金"),
        stated("receivables", "Receivables", "应收账款"),
        stated("inventory", "Inventory", "存货"),
        stated("current_assets", "Current assets", "流动资产"),
        stated("total_assets", "Total assets", "资产总额"),
        stated("current_liabilities", "Current liabilities", "流动负债"),
        stated("debt", "Interest-bearing debt", "有息负债"),
        stated("total_liabilities", "Total liabilities", "负债总额"),
        stated("equity", "Equity", "所有者权益"),
        stated("retained_earnings", "Retained earnings", "留存收益"),
        stated("market_value", "Market value of equity", "股权市值"),
        stated("revenue", "Revenue", "营业收入"),
        stated("cost_of_sales", "Cost of sales", "营业成本"),
        stated("ebit", "Earnings before interest and tax", "息税前利润"),
        stated("depreciation", "Depreciation and amortisation", "折旧与摊销"),
        stated("interest_expense", "Interest expense", "利息支出"),
        stated("net_income", "Net income", "净利润"),
        stated("operating_cash_flow", "Cash flow from operations", "经营活动现金流"),
    ),
    of_borrower(
        "bureau", "Credit bureau reports and enquiries", "征信", ("the report or enquiry day", "报告或查询日"), 200,
        code("kind", "Report or enquiry", "报告或查询", "report enquiry", required=True),
        number("score", "Bureau score", "征信评分", "points", 0, 2_000),
        money("debt", "Debt with all lenders", "负债总额", low=0),
        money("overdue", "Overdue with all lenders", "逾期总额", low=0),
        count("accounts", "Open accounts with all lenders", "未结清账户数", "accounts"),
        text("lender", "Enquiring lender", "查询机构"),
        code("purpose", "Purpose of the enquiry", "查询原因", "loan_approval card_approval guarantee post_loan own other"),
    ),
    of_loan(
        "collateral", "Collateral valuations", "押品估值", ("the valuation day", "估值日"), 400,
        text("collateral_id", "Item", "押品编号", required=True),
        code("kind", "Kind", "类型", "real_estate vehicle equipment inventory receivables deposit securities other"),
        money("value", "Value", "评估价值", low=0, required=True),
        money("prior_claims", "Claims ranking before ours", "优先受偿额", low=0),
        text("appraiser", "Appraiser", "评估机构"),
    ),
    of_borrower(
        "guarantees", "Guarantees received", "保证", ("the day it took effect", "保证生效日"), ALWAYS,
        text("guarantor_id", "Guarantor", "保证人", required=True),
        money("amount", "Amount guaranteed", "保证金额", low=0, required=True),
        date("expires_on", "Expires on", "保证到期日"),
        ahead=True,
    ),
    of_borrower(
        "events", "Non-financial events", "非财务事件", ("the day it happened", "发生日"), 400,
        code(
            "kind", "Kind", "类型",
            "litigation enforcement penalty tax_arrears management_change ownership_change strike accident negative_news"
            " positive_news address_change job_change nothing_found other",
            required=True,
        ),
        count("severity", "Severity, 1 to 5", "严重程度(1 至 5)", "grade", 5),
        money("amount", "Amount at stake", "涉及金额", low=0),
        text("citation", "Where it was published", "出处"),
    ),
    Table(
        "industry", "industry", "Industry indices", "行业指数", "the day the figure is for", "指标日",
        (
            code("measure", "Measure", "指标", "sales_index price_index default_rate credit_spread", required=True),
            number("value", "Value", "数值", required=True),
        ),
        100, keys=(INDUSTRY,),
    ),
    Table(
        "macro", "region", "Regional and market indices", "地区与宏观指数", "the day the figure is for", "指标日",
        (
            code("measure", "Measure", "指标", "unemployment gdp_growth house_price_index policy_rate", required=True),
            number("value", "Value", "数值", required=True),
        ),
        130, keys=(REGION,),
    ),
    of_borrower(
        "contacts", "Contacts with the borrower", "联系记录", ("the day of the contact", "联系日"), ALWAYS,
        code("channel", "Channel", "渠道", "phone sms letter visit email app", required=True),
        code("outcome", "Outcome", "结果", "reached not_reached refused wrong_number promised disputed"),
        code("purpose", "Purpose", "目的", "reminder collection review service"),
    ),
    of_loan(
        "promises", "Promises to pay", "还款承诺", ("the day it was made", "承诺日"), ALWAYS,
        money("amount", "Amount promised", "承诺金额", low=0, required=True),
        date("promised_for", "Promised for", "承诺还款日", required=True),
    ),
    of_loan(
        "drawdowns", "Drawdowns and their use", "提款与用途", ("the day it was drawn", "提款日"), ALWAYS,
        money("amount", "Amount drawn", "提款金额", low=0, required=True),
        text("purpose", "Stated purpose", "申报用途"),
        text("payee", "Payee, pseudonymous", "收款方(化名)"),
    ),
    of_borrower(
        "covenants", "Covenant tests", "合同约束条款", ("the test day", "测试日"), 400,
        text("covenant_id", "Covenant", "条款编号", required=True),
        text("measure", "Measure", "指标"),
        code("direction", "The value must be at", "方向", "least most"),
        number("threshold", "Threshold", "阈值"),
        number("tested_value", "Value found", "测试值"),
        flag("met", "Met", "是否满足"),
    ),
    of_loan(
        "reschedules", "Changes of the schedule", "展期与重组", ("the day it took effect", "生效日"), ALWAYS,
        code("kind", "Kind", "类型", "extension restructure pause", required=True),
        date("matures_on", "New last due date", "新到期日"),
        money("forgiven", "Amount forgiven", "减免金额", low=0),
        count("schedule", "Schedule that starts here", "自此生效的还款计划"),
        date("until", "Last day of a pause", "暂停还款截止日"),
        ahead=True,
    ),
    of_borrower(
        "inspections", "Reviews and visits", "贷后检查", ("the day of the check", "检查日"), ALWAYS,
        code(
            "kind", "Kind; case is the finding of a case, at the desk", "类型(case 为案件在案头得出的结论)",
            "first routine special before_maturity triggered case", required=True,
        ),
        code("channel", "Channel", "方式", "off_site phone site"),
        code("finding", "Finding", "结论", "none benign confirmed"),
        date("look_again_on", "Look again on", "再检查日"),
    ),
    of_loan(
        "outcomes", "Outcomes as the lender judged them", "贷款结果", ("the day the outcome was settled", "结果确定日"), ALWAYS,
        date("asked_on", "The day the question is asked about", "观察日", required=True),
        flag("bad", "Whether it went bad", "是否违约", required=True),
        flag("held_out", "Kept apart by the lender for judging models", "由机构留作检验"),
    ),
    of_borrower(
        "consents", "Consents given and withdrawn", "授权", ("the day it took effect", "生效日"), ALWAYS,
        code("purpose", "Purpose", "用途", "bureau_enquiry data_use contact", required=True),
        flag("granted", "Granted", "是否授权", required=True),
        date("expires_on", "Expires on", "授权到期日"),
        ahead=True,
    ),
    Table(
        "guarantors", "borrower", "Guarantors that borrow from the same lender", "同为本机构借款人的保证人",
        "the month end", "月末日",
        (
            text("guarantor_id", "Guarantor", "保证人", required=True),
            money("amount", "His guarantees for the borrower in force", "对该借款人的有效保证金额", low=0, required=True),
            count("dpd", "Days past due of his worst loan", "其最差贷款逾期天数", "days", 36_500),
            money("outstanding", "Principal outstanding of his own loans", "其自身贷款剩余本金", low=0),
            count("stands_for", "Borrowers he stands in for", "其担保的借款人数", "borrowers", required=True),
            money("stands_for_amount", "All his guarantees in force", "其全部有效保证金额", low=0, required=True),
            count(
                "circle", "Borrowers in the circle of guarantees that both belong to; 0 for none",
                "双方所在担保圈的借款人数(无则为 0)", "borrowers", required=True,
            ),
            date("until", "The next month end, which replaces the record", "下一月末日(届时被替代)", required=True),
        ),
        ALWAYS, keys=(BORROWER_ID,), derived=True,
    ),
    peers("industry", INDUSTRY, "本机构分行业违约统计"),
    peers("region", REGION, "本机构分地区违约统计"),
)  # fmt: skip

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
DELIVERED: dict[str, Table] = {name: table for name, table in TABLES.items() if not table.derived}
"""The tables that a source may bring."""
PROHIBITED = ("sex", "born_on", "marriage", "education", "dependants")
PERSONAL = (*PROHIBITED, "income", "employed_on")
"""Beside ids and texts, the columns that may point to a person."""
