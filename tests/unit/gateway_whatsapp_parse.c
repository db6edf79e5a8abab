/*
 * gateway_whatsapp_parse — real-world shapes of WhatsApp messages, and what the parser makes of
 * them.
 *
 * Each line of `cases` is one POST and one short sentence on its rows:
 *
 *     [source] class kind chat sender id=… t=… body=… …      one for each row, separated by " | "
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/whatsapp_jid.h"
#include "gateway/whatsapp_parse.h"
#include "gateway/whatsapp_print.h"
#include "proto/digest.h"

static const int64_t NOW = 1700000999000000LL;

#define KEY(id)                                                                                    \
	"\"key\":{\"remoteJid\":\"97250@s.whatsapp.net\",\"fromMe\":false,\"id\":\"" id "\"}"
#define POST(m)    "{\"messages\":[" m "]}"
#define TEXT(t)    "\"message\":{\"conversation\":\"" t "\"}"
#define TIME       "\"messageTimestamp\":1700000000"
#define P          "97250@s.whatsapp.net"
#define SHA_BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SHA_LIST                                                                                   \
	"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define SHA_OBJECT                                                                                 \
	"{\"0\":0,\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,\"8\":8,\"9\":9,"        \
	"\"10\":10,\"11\":11,\"12\":12,\"13\":13,\"14\":14,\"15\":15,\"16\":16,\"17\":17,"         \
	"\"18\":18,\"19\":19,\"20\":20,\"21\":21,\"22\":22,\"23\":23,\"24\":24,\"25\":25,"         \
	"\"26\":26,\"27\":27,\"28\":28,\"29\":29,\"30\":30,\"31\":31}"

static const struct {
	const char *post, *want;
} cases[] = {
	/* Times: number, string, Long, milliseconds, none. */
	{ POST("{" KEY("A") "," TIME "," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ POST("{" KEY("A") ",\"messageTimestamp\":\"1700000000\"," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ POST("{" KEY("A") ",\"messageTimestamp\":{\"low\":1700000000,\"high\":0,\"unsigned\":"
	                    "true}," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ POST("{" KEY("A") ",\"messageTimestamp\":{\"low\":-936591237,\"high\":409,\"unsigned\":"
	                    "true}," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1760000000.123 body=hi fp" },
	{ POST("{" KEY("A") ",\"messageTimestamp\":1700000000123," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000.123 body=hi fp" },
	{ POST("{" KEY("A") "," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000999 guessed body=hi fp" },
	{ POST("{" KEY("A") ",\"messageTimestamp\":0," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000999 guessed body=hi fp" },
	{ POST("{" KEY("A") ",\"messageTimestamp\":-5," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000999 guessed body=hi fp" },
	{ POST("{" KEY("A") ",\"messageTimestamp\":\"soon\"," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000999 guessed body=hi fp" },
	{ POST("{" KEY("A") ",\"messageTimestamp\":null," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000999 guessed body=hi fp" },
	{ POST("{" KEY("A") ",\"messageTimestamp\":1700000000.75," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000 body=hi fp" },
	/* Addresses. */
	{ POST("{\"key\":{\"remoteJid\":\"97250:17@s.whatsapp.net\",\"id\":\"A\",\"participant\":"
	       "\"\"}," TIME "," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ POST("{\"key\":{\"remoteJid\":\"97250_1:3@c.us\",\"id\":\"A\"}," TIME "," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ POST("{\"key\":{\"remoteJid\":\"97250@hosted\",\"id\":\"A\"}," TIME "," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ POST("{\"key\":{\"remoteJid\":\"7:2@hosted.lid\",\"id\":\"A\"}," TIME "," TEXT("hi") "}"),
	  "content text 7@lid 7@lid id=A t=1700000000 body=hi fp" },
	{ POST("{\"key\":{\"remoteJid\":\"7@lid\",\"remoteJidAlt\":\"97250@s.whatsapp.net\","
	       "\"addressingMode\":\"lid\",\"id\":\"A\"}," TIME "," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000 body=hi lid=7@lid by_lid=7@lid fp" },
	{ POST("{\"key\":{\"remoteJid\":\"97250@s.whatsapp.net\",\"senderLid\":\"7@lid\",\"id\":"
	       "\"A\"}," TIME "," TEXT("hi") "}"),
	  "content text " P " " P " id=A t=1700000000 body=hi lid=7@lid by_lid=7@lid fp" },
	{ POST("{\"key\":{\"remoteJid\":\"7@lid\",\"senderPn\":\"97250@s.whatsapp.net\",\"id\":"
	       "\"A\","
	       "\"fromMe\":true}," TIME "," TEXT("hi") "}"),
	  "content text 7@lid me id=A t=1700000000 own body=hi fp" },
	{ POST("{\"key\":{\"remoteJid\":\"1-2@g.us\",\"participant\":\"7:1@lid\","
	       "\"participantAlt\":\"97250:5@s.whatsapp.net\",\"id\":\"A\"}," TIME
	       "," TEXT("hi") "}"),
	  "content text 1-2@g.us " P " id=A t=1700000000 body=hi by_lid=7@lid fp" },
	{ POST("{\"key\":{\"remoteJid\":\"1-2@g.us\",\"id\":\"A\"},\"participant\":\"97250@c."
	       "us\"," TIME "," TEXT("hi") "}"),
	  "content text 1-2@g.us " P " id=A t=1700000000 body=hi fp" },
	{ POST("{\"key\":{\"remoteJid\":\"1-2@g.us\",\"participant\":\"97250@s.whatsapp.net\","
	       "\"fromMe\":true,\"id\":\"A\"}," TIME "," TEXT("hi") "}"),
	  "content text 1-2@g.us me id=A t=1700000000 own body=hi fp" },
	{ POST("{\"key\":{\"remoteJid\":\"55@broadcast\",\"participant\":\"97250@s.whatsapp.net\","
	       "\"id\":\"A\"}," TIME "," TEXT("hi") "}"),
	  "content text 55@broadcast " P " id=A t=1700000000 body=hi fp" },
	{ POST("{\"key\":{\"remoteJid\":\"13@bot\",\"id\":\"A\"}," TIME "," TEXT("hi") "}"),
	  "content text 13@bot 13@bot id=A t=1700000000 body=hi fp" },
	/* Ignored and rejected. */
	{ POST("{\"key\":{\"remoteJid\":\"status@broadcast\",\"id\":\"A\"}," TEXT("hi") "}"),
	  "ignored 1" },
	{ POST("{\"key\":{\"remoteJid\":\"1@newsletter\",\"id\":\"A\",\"server_id\":\"5\"}," TEXT(
		  "hi") "}"),
	  "ignored 1" },
	{ POST("{\"key\":{\"id\":\"A\"}," TEXT("hi") "}"), "rejected: no chat address" },
	{ POST("{\"key\":{\"remoteJid\":\"\",\"id\":\"A\"}}"), "rejected: no chat address" },
	{ POST("{\"key\":{\"remoteJid\":null,\"id\":\"A\"}}"), "rejected: no chat address" },
	{ POST("{}"), "rejected: no chat address" },
	{ POST("5"), "rejected: a message is no object" },
	{ POST("null"), "rejected: a message is no object" },
	{ POST("{\"key\":{\"remoteJid\":\"@c.us\",\"id\":\"A\"}}"),
	  "rejected: the chat address is malformed" },
	{ POST("{\"key\":{\"remoteJid\":\":1@lid\",\"id\":\"A\"}}"),
	  "rejected: the chat address is malformed" },
	{ POST("{\"key\":\"x\"}"), "rejected: no chat address" },
	/* Text and wrappers. */
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"extendedTextMessage\":{\"text\":\"ok\","
	                    "\"contextInfo\":{\"stanzaId\":\"Q1\",\"mentionedJid\":[]}}}}"),
	  "content text " P " " P " id=A t=1700000000 body=ok re=Q1 fp" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"messageContextInfo\":{\"deviceListMetadata\":{}},"
	                    "\"senderKeyDistributionMessage\":{\"groupId\":\"x\"},\"conversation\":"
	                    "\"hi\"}}"),
	  "content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"ephemeralMessage\":{\"message\":{"
	                    "\"viewOnceMessageV2\":{\"message\":{\"documentWithCaptionMessage\":{"
	                    "\"message\":{"
	                    "\"groupStatusMessageV2\":{\"message\":{\"associatedChildMessage\":{"
	                    "\"message\":{"
	                    "\"documentMessage\":{\"fileName\":\"a.pdf\",\"caption\":\"bill\","
	                    "\"fileSha256\":\"" SHA_BASE64 "\"}}}}}}}}}}}}}"),
	  "content document " P " " P " id=A t=1700000000 body=bill media fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"conversation\":\"\",\"labels\":[],"
	                    "\"imageMessage\":{\"caption\":null,\"fileSha256\":{\"type\":"
	                    "\"Buffer\",\"data\":[" SHA_LIST
	                    "]},\"fileLength\":{\"low\":1,\"high\":0,\"unsigned\":true}}}}"),
	  "content image " P " " P " id=A t=1700000000 media fp" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"imageMessage\":{\"fileSha256\":{\"type\":\"Buffer\","
	                    "\"data\":\"" SHA_BASE64 "\"}}}}"),
	  "content image " P " " P " id=A t=1700000000 media fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"imageMessage\":{\"fileSha256\":" SHA_OBJECT
	                    "}}}"),
	  "content image " P " " P " id=A t=1700000000 media fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"imageMessage\":{\"caption\":\"x\"}}}"),
	  "content image " P " " P " id=A t=1700000000 body=x" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"imageMessage\":{\"fileSha256\":\"AQI=\"}}}"),
	  "content image " P " " P " id=A t=1700000000" },
	{ POST("{" KEY(
		  "A") "," TIME
	               ",\"message\":{\"audioMessage\":{\"ptt\":true,\"fileSha256\":\"" SHA_BASE64
	               "\"}}}"),
	  "content audio " P " " P " id=A t=1700000000 media fp" },
	{ POST("{" KEY("A") "," TIME "," TEXT("") "}"),
	  "content text " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME "," TEXT("  \\n ") "}"),
	  "content text " P " " P " id=A t=1700000000 body=  \n " },
	{ POST("{" KEY("A") "," TIME "," TEXT("a\\u0000b") "}"),
	  "content text " P " " P " id=A t=1700000000 body=ab fp" },
	{ POST("{" KEY("A") "," TIME "," TEXT("\\ud83d") "}"),
	  "content text " P " " P " id=A t=1700000000 body=\xef\xbf\xbd fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"brandNewMessage\":{\"x\":1}}}"),
	  "content unknown " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"brandNewMessage\":{\"x\":1},\"conversation\":\"y\"}}"),
	  "content text " P " " P " id=A t=1700000000 body=y fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"locationMessage\":{\"degreesLatitude\":32.08,"
	                    "\"degreesLongitude\":34.78,\"name\":\"Port\"}}}"),
	  "content location " P " " P " id=A t=1700000000 body=32.080000\n34.780000\nPort fp" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"contactsArrayMessage\":{\"displayName\":\"2\","
	                    "\"contacts\":[{\"displayName\":\"a\",\"vcard\":\"v\"},{"
	                    "\"displayName\":\"b\"}]}}}"),
	  "content contact " P " " P " id=A t=1700000000 body=2\na\nb\nv fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"pollCreationMessageV3\":{\"name\":\"when\","
	                    "\"options\":[{\"optionName\":\"now\"},{\"optionName\":\"never\"}]}}}"),
	  "content poll " P " " P " id=A t=1700000000 body=when\nnow\nnever fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"listResponseMessage\":{\"title\":\"Yes\","
	                    "\"singleSelectReply\":{\"selectedRowId\":\"r1\"},\"contextInfo\":{"
	                    "\"stanzaId\":\"L\"}}}}"),
	  "content answer " P " " P " id=A t=1700000000 body=Yes\nr1 re=L fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"templateMessage\":{\"hydratedTemplate\":{"
	                    "\"hydratedContentText\":\"t\"}}}}"),
	  "content interactive " P " " P " id=A t=1700000000 body=t fp" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"groupInviteMessage\":{\"groupName\":\"g\","
	                    "\"inviteCode\":\"c\"}}}"),
	  "content invite " P " " P " id=A t=1700000000 body=g\nc fp" },
	/* Events. */
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"reactionMessage\":{\"key\":{\"id\":\"T\"},"
	                    "\"text\":\"+\",\"senderTimestampMs\":\"1700000000500\"}}}"),
	  "event reaction " P " " P " id=A t=1700000000 body=+ to=T acted=1700000000.5" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"reactionMessage\":{\"key\":{\"id\":\"T\"},"
	                    "\"text\":\"\"}}}"),
	  "event reaction " P " " P " id=A t=1700000000 to=T" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"pollUpdateMessage\":{\"pollCreationMessageKey\":{"
	                    "\"id\":\"T\"},\"vote\":{\"encPayload\":\"AQ==\"},"
	                    "\"senderTimestampMs\":{\"low\":5,"
	                    "\"high\":1}}}}"),
	  "event vote " P " " P " id=A t=1700000000 to=T acted=4294967.301" },
	{ POST("{" KEY(
		  "A") "," TIME
	               ",\"message\":{\"protocolMessage\":{\"key\":{\"id\":\"T\"},\"type\":0}}}"),
	  "event revoke " P " " P " id=A t=1700000000 to=T" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"protocolMessage\":{\"key\":{\"id\":\"T\"}}}}"),
	  "event revoke " P " " P " id=A t=1700000000 to=T" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"protocolMessage\":{\"key\":{\"id\":\"T\"},"
	                    "\"type\":\"REVOKE\"}}}"),
	  "event revoke " P " " P " id=A t=1700000000 to=T" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"editedMessage\":{\"message\":{\"protocolMessage\":{"
	                    "\"key\":{\"id\":\"T\"},\"type\":\"MESSAGE_EDIT\",\"editedMessage\":{"
	                    "\"conversation\":"
	                    "\"new\"},\"timestampMs\":\"1700000001000\"}}}}}"),
	  "event edit " P " " P " id=A t=1700000000 body=new to=T acted=1700000001" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"protocolMessage\":{\"type\":14,\"key\":{\"id\":\"T\"},"
	                    "\"editedMessage\":{\"imageMessage\":{\"caption\":\"c\"}}}}}"),
	  "event edit " P " " P " id=A t=1700000000 body=c to=T" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"protocolMessage\":{\"type\":3,"
	                    "\"ephemeralExpiration\":86400}}}"),
	  "event setting " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{\"protocolMessage\":{\"type\":"
	                    "\"HISTORY_SYNC_NOTIFICATION\"}}}"),
	  "event setting " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"liveLocationMessage\":{\"degreesLatitude\":1}}}"),
	  "event live " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME ",\"messageStubType\":40}"),
	  "event call " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"messageStubType\":\"CALL_MISSED_VIDEO\",\"message\":null}"),
	  "event call " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME ",\"messageStubType\":\"GROUP_PARTICIPANT_ADD\"}"),
	  "event notice " P " " P " id=A t=1700000000" },
	/* Placeholders. */
	{ POST("{" KEY("A") "," TIME
	                    ",\"messageStubType\":2,\"messageStubParameters\":[\"Bad MAC\"]}"),
	  "placeholder placeholder " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME ",\"messageStubType\":\"CIPHERTEXT\"}"),
	  "placeholder placeholder " P " " P " id=A t=1700000000" },
	{ POST("{\"key\":{\"remoteJid\":\"97250@c.us\",\"id\":\"A\",\"isViewOnce\":true}," TIME
	       "}"),
	  "placeholder placeholder " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME ",\"message\":{}}"),
	  "placeholder placeholder " P " " P " id=A t=1700000000" },
	{ POST("{" KEY("A") "," TIME
	                    ",\"message\":{\"senderKeyDistributionMessage\":{\"groupId\":\"g\"}}}"),
	  "placeholder placeholder " P " " P " id=A t=1700000000" },
	/* Updates and receipts: they act on the id they carry. */
	{ POST("{" KEY("A") ",\"update\":{\"status\":3}}"),
	  "update status " P " " P " t=1700000999 guessed to=A status=3" },
	{ POST("{\"update\":{\"status\":\"READ\"}," KEY("A") "}"),
	  "update status " P " " P " t=1700000999 guessed to=A status=4" },
	{ POST("{" KEY(
		  "A") ",\"update\":{\"message\":{\"editedMessage\":{\"message\":{\"conversation\":"
	               "\"new\"}}},\"messageTimestamp\":1700000005}}"),
	  "update edit " P " " P " t=1700000005 body=new to=A" },
	{ POST("{" KEY("A") ",\"update\":{\"key\":{\"id\":\"Z\"},\"message\":null,"
	                    "\"messageStubType\":1}}"),
	  "update revoke " P " " P " t=1700000999 guessed to=A" },
	{ POST("{" KEY(
		  "A") ",\"receipt\":{\"userJid\":\"97250@c.us\",\"readTimestamp\":1700000007}}"),
	  "update status " P " " P " t=1700000007 to=A status=4" },
	{ POST("{\"key\":{\"remoteJid\":\"97250@c.us\",\"fromMe\":true,\"id\":\"A\"}," TIME
	       ",\"status\":\"SERVER_ACK\"," TEXT("hi") "}"),
	  "content text " P " me id=A t=1700000000 own body=hi status=2 fp" },
	/* Around the list. */
	{ "{\"type\":\"append\",\"messages\":[{" KEY("A") "," TIME "," TEXT("hi") "}]}",
	  "append content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ "{\"messages\":[{" KEY("A") "," TIME "," TEXT("hi") "}],\"type\":\"history\"}",
	  "history content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ "{\"chats\":[],\"messages\":[{" KEY("A") "," TIME "," TEXT("hi") "}],\"isLatest\":true}",
	  "history content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ "{\"event\":\"messages.upsert\",\"data\":{\"type\":\"notify\",\"messages\":[{" KEY(
		  "A") "," TIME "," TEXT("hi") "}]}}",
	  "content text " P " " P " id=A t=1700000000 body=hi fp" },
	{ POST(""), "" },
	{ POST("{" KEY("A") "," TIME "," TEXT("a") "},{" KEY("B") "," TIME "," TEXT("b") "}"),
	  "content text " P " " P " id=A t=1700000000 body=a fp | "
	  "content text " P " " P " id=B t=1700000000 body=b fp" },
	{ "{\"messages\":7}", "INVALID" },
	{ "{}", "INVALID" },
	{ "[]", "INVALID" },
	{ "", "MALFORMED" },
	{ "{\"messages\":[{}", "MALFORMED" },
	{ "{\"messages\":[]}x", "MALFORMED" },
};

static const char *const sources[] = { "", "append ", "history " };

static void say_time(FILE *f, const char *name, int64_t us)
{
	fprintf(f, " %s=%" PRId64, name, us / 1000000);
	if (us % 1000000) {
		char text[16];
		int n = snprintf(text, sizeof text, ".%06" PRId64, us % 1000000);
		while (text[n - 1] == '0')
			n--;
		fprintf(f, "%.*s", n, text);
	}
}

static void say_str(FILE *f, const char *name, struct str s)
{
	if (s.len)
		fprintf(f, " %s=%.*s", name, STR(s));
}

static void say_row(FILE *f, const struct wa_row *r)
{
	const char *kind = "?";
	for (uint32_t i = 0; i < wa_kind_enum.n_values; i++)
		if (wa_kind_enum.values[i].number == (uint32_t)r->kind)
			kind = wa_kind_enum.values[i].name;
	fprintf(f, "%s%s %s %.*s %.*s", sources[r->source], wa_class_enum.values[r->class].name,
	        kind, STR(r->chat), STR(r->sender));
	say_str(f, "id", r->provider_id);
	say_time(f, "t", r->t_us);
	fputs(r->t_guessed ? " guessed" : "", f);
	fputs(r->from_me ? " own" : "", f);
	say_str(f, "body", r->body);
	say_str(f, "re", r->reply_to);
	say_str(f, "to", r->target);
	say_str(f, "lid", r->chat_lid);
	say_str(f, "by_lid", r->sender_lid);
	if (r->acted_us)
		say_time(f, "acted", r->acted_us);
	if (r->status)
		fprintf(f, " status=%u", r->status);
	fputs(r->media_sha.len ? " media" : "", f);
	fputs(r->fingerprint.len ? " fp" : "", f);
}

static void say(const char *post, char *out, size_t cap)
{
	struct str doc = str_of(post);
	size_t room = whatsapp_room(doc.len);
	struct arena a = { .at = malloc(room), .len = (uint32_t)room };
	struct whatsapp_parsed p = { 0 };
	struct json_error error;
	FILE *f = fmemopen(out, cap, "w");
	assert_non_null(a.at);
	assert_non_null(f);
	enum err e = whatsapp_parse(doc, NOW, &a, &p, &error);
	if (e)
		fputs(err_info(e)->name, f);
	for (uint32_t i = 0; i < p.n_rows; i++) {
		fputs(i ? " | " : "", f);
		say_row(f, &p.rows[i]);
	}
	for (uint32_t i = 0; i < p.n_rejects; i++)
		fprintf(f, "rejected: %s", p.rejects[i].reason);
	if (p.ignored)
		fprintf(f, "ignored %u", p.ignored);
	fputc('\0', f);
	fclose(f);
	free(a.at);
}

static void shapes(void **state)
{
	char got[4096];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		say(cases[i].post, got, sizeof got);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s\n  want: %s\n  got:  %s", cases[i].post, cases[i].want, got);
	}
}

/* Cut anywhere, a body is refused as a whole: never a crash, never half of it. */
static void truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len = strlen(cases[i].post);
		for (size_t n = 0; n < len; n++) {
			char *cut = malloc(n ? n : 1); /* of that size, for AddressSanitizer */
			static char memory[1 << 21];
			struct arena a = ARENA_OVER(memory);
			struct whatsapp_parsed p;
			assert_non_null(cut);
			memcpy(cut, cases[i].post, n);
			enum err e = whatsapp_parse(str_n(cut, n), NOW, &a, &p, NULL);
			assert_true(e == ERR_MALFORMED || e == ERR_INVALID ||
			            !strcmp(cases[i].want, "MALFORMED"));
			free(cut);
		}
	}
}

/* With too little memory messages are rejected, one by one; nothing is lost without a word. */
static void short_of_memory(void **state)
{
	const char *post = cases[36].post;
	size_t most = whatsapp_room(strlen(post));
	(void)state;
	for (size_t room = 0; room < most; room += room < 4096 ? 1 : 997) {
		struct arena a = { .at = malloc(room + 1), .len = (uint32_t)room };
		struct whatsapp_parsed p = { 0 };
		enum err e = whatsapp_parse(str_of(post), NOW, &a, &p, NULL);
		assert_true(e == ERR_TOO_LARGE || (e == OK && p.n_rows + p.n_rejects == 1));
		free(a.at);
	}
}

/* The four serialisations of one photo give one fingerprint. */
static void forms_agree(void **state)
{
	static const char *const forms[] = {
		"\"" SHA_BASE64 "\"",
		"{\"type\":\"Buffer\",\"data\":[" SHA_LIST "]}",
		"{\"type\":\"Buffer\",\"data\":\"" SHA_BASE64 "\"}",
		SHA_OBJECT,
	};
	char first[33] = { 0 };
	(void)state;
	for (int i = 0; i < 4; i++) {
		char post[2048];
		static char memory[1 << 20];
		struct arena a = ARENA_OVER(memory);
		struct whatsapp_parsed p;
		snprintf(post, sizeof post,
		         POST("{" KEY("A") "," TIME
		                           ",\"message\":{\"imageMessage\":{\"fileSha256\":%s}}}"),
		         forms[i]);
		assert_int_equal(whatsapp_parse(str_of(post), NOW, &a, &p, NULL), OK);
		assert_int_equal(p.rows[0].fingerprint.len, 32);
		if (i)
			assert_memory_equal(p.rows[0].fingerprint.at, first, 32);
		memcpy(first, p.rows[0].fingerprint.at, 32);
	}
}

static void normal_is(const char *text, const char *want)
{
	char memory[4096];
	struct arena a = ARENA_OVER(memory);
	struct str got;
	assert_int_equal(whatsapp_normalise(str_of(text), &a, &got), OK);
	if (!str_is(got, want))
		fail_msg("'%s': want '%s', got '%.*s'", text, want, STR(got));
}

static void normalised(void **state)
{
	(void)state;
	normal_is("", "");
	normal_is("  a \t\r\n b  ", "a b");
	normal_is("a\xc2\xa0\xe2\x80\x83 b\xe3\x80\x80",
	          "a b");                   /* no-break, em and ideographic space */
	normal_is("e\xcc\x81", "\xc3\xa9"); /* e + acute: one letter */
	normal_is("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d");
	normal_is("\xff\xfe x", "\xff\xfe x"); /* no UTF-8: folded, kept */
}

/* What tells two messages apart must tell their fingerprints apart. */
static void prints_differ(void **state)
{
	static const struct {
		uint32_t kind;
		const char *re, *body, *media;
	} rows[] = {
		{ 1, "", "ok", "" },  { 2, "", "ok", "" },  { 1, "ok", "", "" },
		{ 1, "o", "k", "" },  { 1, "", "ok", "m" }, { 1, "m", "ok", "" },
		{ 1, "", "okm", "" }, { 1, "", "OK", "" },  { 1, "", "o k", "" },
	};
	enum { N = sizeof rows / sizeof *rows };
	struct whatsapp_prints p[N];
	char memory[4096];
	(void)state;
	for (int i = 0; i < N; i++) {
		struct arena a = ARENA_OVER(memory);
		assert_int_equal(whatsapp_prints(rows[i].kind, str_of(rows[i].re),
		                                 str_of(rows[i].body), str_of(rows[i].media), &a,
		                                 &p[i]),
		                 OK);
		for (int k = 0; k < i; k++)
			assert_memory_not_equal(p[i].all, p[k].all, 32);
	}
	assert_memory_equal(p[0].body, p[4].body, 32);
}

/* A customer may pile up marks that the library sorts in squares: 100,000 of them take no time. */
static void piled_marks(void **state)
{
	enum { N = 100000 };
	static char text[2 * N], memory[8 * N];
	struct arena a = ARENA_OVER(memory);
	struct str got;
	(void)state;
	for (int i = 0; i < N; i++)
		memcpy(text + 2 * i, i % 2 ? "\xcc\x80" : "\xcc\xa7",
		       2); /* grave above, cedilla below */
	assert_int_equal(whatsapp_normalise(str_n(text, sizeof text), &a, &got), OK);
	assert_int_equal(got.len, sizeof text);
}

static void lid_resolved(void **state)
{
	static char memory[1 << 20];
	struct arena a = ARENA_OVER(memory);
	struct whatsapp_parsed p;
	(void)state;
	assert_int_equal(
		whatsapp_parse(str_of(POST("{\"key\":{\"remoteJid\":\"7@lid\",\"id\":\"A\"}," TEXT(
				       "x") "}")),
	                       NOW, &a, &p, NULL),
		OK);
	assert_int_equal(whatsapp_resolve(&p, str_of("8@lid"), str_of(P)), 0);
	assert_int_equal(whatsapp_resolve(&p, str_of("7@lid"), str_of(P)), 1);
	assert_true(str_is(p.rows[0].chat, P) && str_is(p.rows[0].sender, P));
	assert_true(str_is(p.rows[0].chat_lid, "7@lid") && str_is(p.rows[0].sender_lid, "7@lid"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normalised),      cmocka_unit_test(prints_differ),
		cmocka_unit_test(piled_marks),     cmocka_unit_test(shapes),
		cmocka_unit_test(forms_agree),     cmocka_unit_test(lid_resolved),
		cmocka_unit_test(short_of_memory), cmocka_unit_test(truncated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
