-- Has the mail $1, which waits and is not being sent, tried at the time $2.
update mails
set
  due_at = $2,
  updated_at = $2
where mail_id = $1 and state = 'pending' and owner is null
