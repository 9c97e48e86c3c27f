-- Notes what became of try $3 of the mail $1 by $2.
update mails
set
  state = $4,
  code = $5,
  due_at = $6,
  owner = null,
  updated_at = $7
where mail_id = $1 and owner = $2 and tries = $3 and state = 'pending'
