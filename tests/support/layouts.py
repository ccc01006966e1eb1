"""A few made-up rows in the layout of every set that has a mapping of its own."""

CARDS = {
    "credit_record.csv": "ID,MONTHS_BALANCE,STATUS\n1,0,C\n1,-1,0\n2,0,1\n",
    "application_record.csv": "ID,CODE_GENDER,FLAG_OWN_CAR,FLAG_OWN_REALTY,CNT_CHILDREN,AMT_INCOME_TOTAL,NAME_INCOME_TYPE,"
    "NAME_EDUCATION_TYPE,NAME_FAMILY_STATUS,NAME_HOUSING_TYPE,DAYS_BIRTH,DAYS_EMPLOYED,FLAG_MOBIL,FLAG_WORK_PHONE,FLAG_PHONE,"
    "FLAG_EMAIL,OCCUPATION_TYPE,CNT_FAM_MEMBERS\n1,F,Y,N,1,270000.5,Working,Higher education,Married,Rented apartment,-12000,"
    "-4000,1,1,0,0,Drivers,2.0\n",
}
TAIWAN = {
    "creditcard_default.csv": "limit_bal,sex,education,marriage,age,pay_0,pay_2,pay_3,pay_4,pay_5,pay_6,"
    + ",".join(f"bill_amt{i}" for i in range(1, 7)) + "," + ",".join(f"pay_amt{i}" for i in range(1, 7)) + ",has_default\n"
    "70001,2,3,1,31,2,1,-1,0,-2,-2,4100,3200,700,50,60,0,10,710,20,30,0,0,1\n"
    "90002,1,1,2,45,0,0,0,0,0,0,41000,42000,43000,24000,25000,26000,2100,2200,1300,1400,1500,1600,0\n",
}  # fmt: skip
SUPERLENDER = {
    "trainprevloans.csv": "customerid,systemloanid,loannumber,approveddate,creationdate,loanamount,totaldue,termdays,closeddate,"
    "referredby,firstduedate,firstrepaiddate\na1,101,1,2016-08-01 10:11:12.000000,2016-08-01 09:11:12.000000,10000,13000,60,"
    "2016-09-30 01:02:03.000000,,2016-08-31 00:00:00.000000,2016-08-30 04:05:06.000000\n",
    "trainperf.csv": "customerid,systemloanid,loannumber,approveddate,creationdate,loanamount,totaldue,termdays,referredby,"
    "good_bad_flag\na1,201,2,2017-07-20 01:02:03.000000,2017-07-20 01:02:03.000000,30000,34500,30,,Good\n"
    "b2,202,1,2017-07-06 01:02:03.000000,2017-07-06 01:02:03.000000,15000,17250,30,,Bad\n",
    "traindemographics.csv": "customerid,birthdate,bank_account_type,longitude_gps,latitude_gps,bank_name_clients,"
    "bank_branch_clients,employment_status_clients,level_of_education_clients\na1,1975-05-05 00:00:00.000000,Savings,3.3,6.5,"
    "Bank,,Permanent,Post-Graduate\n",
}
ITEMS = (
    "current_assets,cost_of_goods_sold,depreciation_and_amortization,ebitda,inventory,net_income,total_receivables,market_value,"
    "net_sales,total_assets,total_long_term_debt,ebit,gross_profit,total_current_liabilities,retained_earnings,total_revenue,"
    "total_liabilities,total_operating_expenses"
)
STATEMENTS = {
    f"windows_5y_{part}.csv": f"cik,fyear,status_label,{ITEMS}\n"
    + "".join(
        f"{part[0]}1,{year},{label},{','.join(str(year - 1990 + i / 8) for i in range(18))}\n" for year in range(2010, 2015)
    )
    for part, label in (("train", "alive"), ("validation", "failed"))
}
BANK = {
    "tag_b.csv": "id,gdr_cd,age,mrg_situ_cd,edu_deg_cd,hav_car_grp_ind,hav_hou_grp_ind\nC1,M,37,A,\\N,1,0\n",
    "trd_b.csv": "id,flag,Dat_Flg1_Cd,Dat_Flg3_Cd,Trx_Cod1_Cd,Trx_Cod2_Cd,trx_tm,cny_trx_amt\n"
    "C1,0,B,A,1,136,2019-06-11 01:02:03,-0.75\nC1,0,B,A,1,136,2019-06-11 01:02:03,-0.75\n",
}
BERKA = {
    "account.asc": '"account_id";"district_id";"frequency";"date"\n10;1;"POPLATEK MESICNE";930101\n'
    '11;2;"POPLATEK TYDNE";950324\n',
    "client.asc": '"client_id";"birth_number";"district_id"\n1;"705301";1\n2;"440302";2\n3;"415609";2\n',
    "disp.asc": '"disp_id";"client_id";"account_id";"type"\n1;1;10;"OWNER"\n2;2;11;"OWNER"\n3;3;11;"DISPONENT"\n',
    "order.asc": '"order_id";"account_id";"bank_to";"account_to";"amount";"k_symbol"\n1;10;"YZ";"100200";240.00;"SIPO"\n',
    "trans.asc": '"trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account"\n'
    '1;10;930101;"PRIJEM";"VKLAD";700.00;700.00;"";"";\n'
    '2;10;930205;"PRIJEM";"PREVOD Z UCTU";5000.00;5700.00;"DUCHOD";"YZ";300400\n'
    '3;10;930805;"VYDAJ";"PREVOD NA UCET";1000.00;4700.00;"UVER";"YZ";100200\n4;10;930831;"PRIJEM";"";11.50;1011.50;"UROK";"";\n'
    '5;11;950401;"VYBER";"VYBER KARTOU";100.00;900.00;" ";"";\n6;11;950430;"VYDAJ";"VYBER";14.60;885.40;"SANKC. UROK";"";\n'
    '7;10;930910;"VYDAJ";"PREVOD NA UCET";240.00;9.50;"SIPO";"YZ";100200\n',
    "loan.asc": '"loan_id";"account_id";"date";"amount";"duration";"payments";"status"\n501;10;930715;12000;12;1000.00;"B"\n'
    '502;11;960711;36000;36;1000.00;"A"\n',
    "card.asc": '"card_id";"disp_id";"type";"issued"\n1;1;"gold";"931107 00:00:00"\n',
    "district.asc": ";".join(f'"A{i}"' for i in range(1, 17))
    + '\n1;"Alpha";"North";1000;0;0;0;1;1;100.0;9000;0.3;0.4;100;10;20\n'
    '2;"Beta";"South";2000;4;13;5;1;3;48.4;8000;?;7.5;120;?;30\n',
}
FILES: dict[str, str | bytes] = {**CARDS, **TAIWAN, **SUPERLENDER, **STATEMENTS, **BANK, **BERKA}
