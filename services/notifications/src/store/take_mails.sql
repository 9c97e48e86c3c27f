-- Makes mails that are due at $1, and were tried as often as column 2 says, those of $2 until $3.
update mails
set
  due_at = $3,
  owner = $2,
  tries = mails.tries + 1,
  updated_at = $1
from (values {rows:uuid,bigint}) as d
where mails.mail_id = d.column1
  and mails.tries = d.column2
  and mails.state = 'pending'
  and mails.due_at <= $1
returning mails.mail_id
