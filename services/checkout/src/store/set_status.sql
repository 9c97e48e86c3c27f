-- Moves a payment on, if it is in the state it is moved from (column 2).
update payments
set status = d.column3
from (values {rows:text,text,text}) as d
where payments.payment_key = d.column1 and payments.status = d.column2
returning payments.payment_key
