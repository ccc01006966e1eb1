"""Month-end status of card accounts, with applications: two CSV files, plain or gzip.

``credit_record.csv``: ID, MONTHS_BALANCE (0 = latest), STATUS (0 = 1-29 days past due, 1 = 30-59, 2 = 60-89, 3 = 90-119,
4 = 120-149, 5 = 150 or more or written off, C = paid off, X = no loan that month).
``application_record.csv``: one row per ID with the applicant's data.

Months are relative; they are laid on a calendar that ends on LATEST. An account is not a person: accounts with the same
application row belong to one borrower. An ID with two different application rows has none that can be trusted: both rows
are quarantined by the rule for identities that occur twice.
"""

from pathlib import Path

import duckdb

from features.sources.files import Delivery, csv, find, readable

LATEST = "2020-12-31"
APPLICATION = (
    "CODE_GENDER", "FLAG_OWN_CAR", "FLAG_OWN_REALTY", "CNT_CHILDREN", "AMT_INCOME_TOTAL", "NAME_INCOME_TYPE",
    "NAME_EDUCATION_TYPE", "NAME_FAMILY_STATUS", "NAME_HOUSING_TYPE", "DAYS_BIRTH", "DAYS_EMPLOYED", "FLAG_MOBIL",
    "FLAG_WORK_PHONE", "FLAG_PHONE", "FLAG_EMAIL", "OCCUPATION_TYPE", "CNT_FAM_MEMBERS",
)  # fmt: skip
NO_JOB = 365243
"""DAYS_EMPLOYED of people without a job in this file."""


def read(con: duckdb.DuckDBPyConnection, folder: Path) -> Delivery:
    """Relations for borrowers, loans and statuses over the two files in ``folder``.

    Raises DataRefused if a file or one of its columns is missing.
    """
    credit = find(folder, "credit_record.csv", "credit_record.csv.gz")
    application = find(folder, "application_record.csv", "application_record.csv.gz")
    with readable(credit):
        con.execute(f"CREATE TEMP TABLE raw_credit AS {csv(con, credit, ('ID', 'MONTHS_BALANCE', 'STATUS'))}")
    with readable(application):
        con.execute(f"CREATE TEMP TABLE raw_application AS {csv(con, application, ('ID', *APPLICATION))}")
    con.execute(ACCOUNTS)
    delivery = Delivery()
    for table, sql in (("borrowers", BORROWERS), ("loans", LOANS), ("statuses", STATUSES)):
        delivery.add(table, sql)
    delivery.left_out["applications without an account: no date, no loan"] = (
        "SELECT count(*) FROM raw_application a WHERE NOT EXISTS (SELECT 1 FROM raw_credit c WHERE c.ID = a.ID)"
    )
    delivery.left_out["applications of a borrower who already has one with the same content"] = (
        "SELECT count(*) - count(DISTINCT borrower_id) FROM accounts WHERE application_line IS NOT NULL"
    )
    return delivery


def _month_end(months: str) -> str:
    """SQL for the month end that many months from LATEST; text that is no number is handed on for the checks to name."""
    day = f"last_day(DATE '{LATEST}' + to_months(try_cast({months} AS INTEGER)))"
    return f"coalesce(CAST({day} AS VARCHAR), {months})"


_FINGERPRINT = "md5(concat_ws('|', " + ", ".join(f"coalesce({c}, '')" for c in APPLICATION) + "))"

ACCOUNTS = f"""
CREATE TEMP TABLE accounts AS
WITH opened AS (
  SELECT ID, min(try_cast(MONTHS_BALANCE AS INTEGER)) AS first_month, min(source_line) AS line,
         min(source_file) AS file
  FROM raw_credit GROUP BY ID
), applied AS (
  SELECT ID, min({_FINGERPRINT}) AS fingerprint, min(source_line) AS application_line
  FROM raw_application GROUP BY ID HAVING count(*) = 1
)
SELECT o.ID, o.first_month, o.line, o.file, a.application_line,
       CASE WHEN a.ID IS NULL THEN 'N' || o.ID ELSE 'A' || left(a.fingerprint, 16) END AS borrower_id
FROM opened o LEFT JOIN applied a USING (ID)
"""

# One record per borrower; an ID with two applications contributes both, under one record_id, for the checks to refuse.
BORROWERS = f"""
WITH first AS (
  SELECT borrower_id, min(first_month) AS first_month, min(application_line) AS application_line, min(line) AS line,
         min(file) AS file
  FROM accounts GROUP BY borrower_id
), rows AS (
  SELECT borrower_id AS record_id, borrower_id, first_month, file AS account_file, line AS account_line,
         a.* FROM first f LEFT JOIN raw_application a ON a.source_line = f.application_line
  UNION ALL BY NAME
  SELECT 'A' || a.ID AS record_id, 'A' || a.ID AS borrower_id, o.first_month, a.*
  FROM raw_application a JOIN (SELECT ID, first_month FROM accounts WHERE application_line IS NULL) o USING (ID)
)
SELECT record_id, borrower_id,
  {_month_end("first_month::VARCHAR")} AS event_on, {_month_end("first_month::VARCHAR")} AS known_on,
  'person' AS kind, NULL AS industry, NULL AS region,
  CAST(try_cast(AMT_INCOME_TOTAL AS DECIMAL(18,2)) * 100 AS BIGINT) AS income,
  NAME_INCOME_TYPE AS income_type,
  CASE WHEN try_cast(DAYS_EMPLOYED AS INTEGER) < {NO_JOB}
       THEN DATE '{LATEST}' + try_cast(DAYS_EMPLOYED AS INTEGER) END AS employed_on,
  OCCUPATION_TYPE AS occupation, NAME_HOUSING_TYPE AS housing,
  FLAG_OWN_CAR = 'Y' AS owns_car, FLAG_OWN_REALTY = 'Y' AS owns_realty,
  NULL AS founded_on, NULL AS staff, CODE_GENDER AS sex,
  DATE '{LATEST}' + try_cast(DAYS_BIRTH AS INTEGER) AS born_on,
  NAME_FAMILY_STATUS AS marriage, NAME_EDUCATION_TYPE AS education, CNT_CHILDREN AS dependants,
  coalesce(source_file, account_file) AS source_file, coalesce(source_line, account_line) AS source_line
FROM rows
"""

LOANS = f"""
SELECT ID AS record_id, borrower_id, ID AS loan_id,
  {_month_end("first_month::VARCHAR")} AS event_on, {_month_end("first_month::VARCHAR")} AS known_on,
  'card' AS product, NULL AS currency, NULL AS principal, NULL AS rate, NULL AS term_months, NULL AS matures_on,
  NULL AS closed_on, file AS source_file, line AS source_line
FROM accounts
"""

STATUSES = f"""
SELECT c.ID || ':' || c.MONTHS_BALANCE AS record_id, a.borrower_id, c.ID AS loan_id,
  {_month_end("c.MONTHS_BALANCE")} AS event_on, {_month_end("c.MONTHS_BALANCE")} AS known_on,
  CASE WHEN c.STATUS = 'C' THEN 'paid_off' WHEN c.STATUS = 'X' THEN 'no_loan'
       WHEN c.STATUS IN ('0', '1', '2', '3', '4', '5') THEN 'late' ELSE c.STATUS END AS state,
  CASE c.STATUS WHEN 'C' THEN 0 WHEN 'X' THEN 0 WHEN '0' THEN 1 WHEN '1' THEN 30 WHEN '2' THEN 60 WHEN '3' THEN 90
       WHEN '4' THEN 120 WHEN '5' THEN 150 END AS dpd,
  NULL AS balance, c.source_file, c.source_line
FROM raw_credit c JOIN accounts a USING (ID)
"""
