/*
 * words.c
 *		The texts that the calls are made of.
 *
 * Status words with a weight are those of the provider's filter; the others
 * appear with the switch statuses=all only. Running words come first, in the
 * order a call goes through them.
 */
#include "words.h"

static const Word voicy_status[] = {
	{"initiated", "queued", 1, RUNNING},
	{"ringing", "ringing", 1, RUNNING},
	{"ongoing", "in_progress", 2, RUNNING},
	{"user_hangup", "completed", 40, DONE},
	{"agent_hangup", "completed", 25, DONE},
	{"inactivity", "completed", 4, DONE},
	{"error_inactivity", "completed", 2, DONE},
	{"busy", "busy", 6, FAILED},
	{"no_answer", "no_answer", 12, FAILED},
	{"error", "failed", 4, FAILED},
	{"canceled", "canceled", 3, FAILED},
	{"ended", "ended", 0, DONE},
	{"in_progress", "in_progress", 0, RUNNING},
};

static const Word tryvox_status[] = {
	{"ringing", "ringing", 2, RUNNING},
	{"in-progress", "in_progress", 2, RUNNING},
	{"completed", "completed", 68, DONE},
	{"failed", "failed", 5, FAILED},
	{"busy", "busy", 6, FAILED},
	{"no-answer", "no_answer", 14, FAILED},
	{"canceled", "canceled", 3, FAILED},
	{"queued", "queued", 0, RUNNING},
};

static const Word solomobile_status[] = {
	{"completed", "completed", 70, DONE},
	{"busy", "busy", 7, FAILED},
	{"no-answer", "no_answer", 15, FAILED},
	{"failed", "failed", 5, FAILED},
	{"canceled", "canceled", 3, FAILED},
	{"initiated", "queued", 0, RUNNING},
	{"queued", "queued", 0, RUNNING},
	{"in-progress", "in_progress", 0, RUNNING},
};

static const Word whippy_status[] = {
	{"queued", "queued", 1, RUNNING},
	{"in-progress", "in-progress", 3, RUNNING},
	{"completed", "completed", 66, DONE},
	{"busy", "busy", 6, FAILED},
	{"no-answer", "no-answer", 16, FAILED},
	{"failed", "failed", 5, FAILED},
	{"canceled", "canceled", 3, FAILED},
	{"voicemail-left", "voicemail-left", 0, DONE},
	{"Completed", "Completed", 0, DONE},
};

static const Word ringyo_status[] = {
	{"queued", "queued", 1, RUNNING},
	{"ringing", "ringing", 1, RUNNING},
	{"in_progress", "in_progress", 2, RUNNING},
	{"completed", "completed", 70, DONE},
	{"failed", "failed", 5, FAILED},
	{"no_answer", "no_answer", 14, FAILED},
	{"busy", "busy", 7, FAILED},
	{"initiated", "initiated", 0, RUNNING},
	{"answered", "answered", 0, RUNNING},
	{"transferred", "transferred", 0, DONE},
};

static const Word acme_status[] = {
	{"initiated", "queued", 2, RUNNING},
	{"talking", "in_progress", 3, RUNNING},
	{"done", "completed", 75, DONE},
	{"missed", "no_answer", 20, FAILED},
};

const WordList status_words[NPROVIDERS] = {
	[VOICY] = {voicy_status, lengthof(voicy_status)},
	[TRYVOX] = {tryvox_status, lengthof(tryvox_status)},
	[SOLOMOBILE] = {solomobile_status, lengthof(solomobile_status)},
	[WHIPPY] = {whippy_status, lengthof(whippy_status)},
	[RINGYO] = {ringyo_status, lengthof(ringyo_status)},
	[ACME] = {acme_status, lengthof(acme_status)},
};

/* code 1 is inbound, code 2 outbound */
const char *const direction_words[NPROVIDERS][2] = {
	[VOICY] = {"incoming", "outgoing"},
	[TRYVOX] = {"inbound", "outbound"},
	[SOLOMOBILE] = {"inbound", "outbound"},
	[WHIPPY] = {"inbound", "outbound"},
	[RINGYO] = {"inbound", "outbound"},
	[ACME] = {"in", "out"},
};

const char *const mode_words[4] = {"voice", "web", "test", "batch"};
const char *const language_words[5] = {"en", "fr", "es", "ja", "pt-BR"};
const char *const rating_words[4] = {"good", "average", "bad", ""};
const char *const voicemail_words[2] = {"false", "true"};

const char *const agent_names[NAGENTS] = {
	"Customer Support Agent", "Zoë from Sales", "客服一号", "Night Shift 🌙", "Booking \"Fast\" Desk",
	"Rückfragen", "", "Collections", "Agent\\Seven", "Ünïcödé, Ltd.", "Σύστημα", "Follow-up",
};

const char *const account_names[3] = {"Acme Corp", "Société Générale des Appels", "日本電話"};

const char *const team_names[5] = {"Support", "Vertrieb & Öffentlichkeit", "夜間", "", "Sales \"North\""};

const char *const costs[8] = {"0.056", "0.1", "0.25", "1.5", "0", "12.3456", "0.30000000000000004", "3"};

const char *const summaries[16] = {
	"Appointment confirmed for tomorrow at 2pm.",
	"Customer asked to be called back.",
	"Réservation annulée à la demande du client.",
	"",
	"お客様は明日の予約を確認しました。",
	"Caller was happy 😀 and hung up.",
	"Two lines:\nfirst, then\tsecond.",
	"Quoted \"price\" of $5, accepted; path C:\\temp",
	"Wrong number.",
	"Left a message with the front desk, will try again on Monday.",
	"{\"not\": \"an object\"}",
	"No summary available",
	"Müller & Söhne — Angebot nachfassen",
	"100% sure; needs 'follow-up'",
	"👩‍💻 technical question, escalated",
	"null",
};

const char *const metadata_texts[8] = {
	"{\"customer_id\":\"cust_456\"}",
	"{}",
	"{\"customer_id\":\"cust_789\",\"campaign\":\"spring\"}",
	"{\"customer_id\":\"cust_12\",\"tags\":[\"vip\",\"é\"],\"score\":0.1,\"nested\":{\"deep\":{\"note\":\"漢字 😀\",\"list\":[1,[2,[3]]]}}}",
	"{ \"customer_id\" : \"cust_\\u00e9\\ud83d\\ude00\", \"big\": 12345678901234567890, \"small\": 1.5e-7 }",
	"{\"customer_id\":null,\"empty\":\"\",\"flag\":true}",
	"{\"customer_id\":42,\"data\":{\"id\":\"not the call\",\"status\":\"not the status\"}}",
	"{\"customer_id\":\"cust_456\",\"quote\":\"a \\\"b\\\" \\\\ c\",\"brackets\":\"]}[{\"}",
};

const char *const tag_texts[6] = {
	"[]", "[\"vip\"]", "[\"vip\",\"é\"]", "[\"a\",\"b\",\"c\"]", "[\"comma, inside\"]", "[\"漢字\",\"😀\"]",
};
