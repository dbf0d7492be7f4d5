/* backend/http/http.h: where calls may go, and how long they may stall. */
#include "backend/http/http.h"
#include "backend/base/clock.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 20000

/* The result of a call. */
struct end {
	bool is_over;
	enum http_outcome outcome;
	int status;
	char failure[300];
	size_t received;
	bool is_private;
};

static struct http *http;

static int set_up(void **state)
{
	(void)state;
	return http_create(NULL, &http);
}

static int tear_down(void **state)
{
	(void)state;
	http_destroy(http);
	return 0;
}

static void take_end(void *context, struct http_response *response)
{
	struct end *end = context;

	end->is_over = true;
	end->outcome = response->outcome;
	end->status = response->status;
	end->is_private = response->is_private;
	snprintf(end->failure, sizeof(end->failure), "%s",
		 response->failure ? response->failure : "");
}

static int count_bytes(void *context, const struct http_response *response,
		       const char *bytes, size_t size)
{
	struct end *end = context;

	(void)response;
	(void)bytes;
	end->received += size;
	return 0;
}

static bool allows_http = true, allows_http_anyway;

static const void *lane;
static struct http_call *begun;

static void begin(const char *url, bool allows_private, int64_t stall_ms, struct end *end)
{
	struct http_request request = { .method = "GET", .url = strdup(url) };
	struct http_options options = { .may_reuse = true,
					.follows = true,
					.allows_private = allows_private,
					.allows_http = allows_private
							       ? allows_http
							       : allows_http_anyway,
					.stall_ms = stall_ms,
					.lane = lane,
					.sink = count_bytes,
					.done = take_end,
					.context = end };

	*end = (struct end){ 0 };
	assert_int_equal(http_start(http, &request, &options, &begun), 0);
}

static void finish(struct end *end)
{
	int64_t until_ms = clock_boot_ms() + PATIENCE_MS;

	while (!end->is_over && clock_boot_ms() < until_ms)
		http_turn(http, 1000);
	assert_true(end->is_over);
}

/* A port of this machine with a listener that answers only when a test makes it. */
static int listen_here(char *url, size_t room, const char *scheme)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	snprintf(url, room, "%s://127.0.0.1:%d/video.mp4", scheme,
		 ntohs(address.sin_port));
	return fd;
}

static int accept_here(int listener)
{
	int64_t until_ms = clock_boot_ms() + PATIENCE_MS;
	int fd = -1;

	while (fd < 0 && clock_boot_ms() < until_ms) {
		http_turn(http, 10);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
	assert_true(fd >= 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
}

/* --- where calls may go --- */

static void test_private_addresses(void **state)
{
	static const char *const urls[] = {
		"https://127.0.0.1/",
		"https://127.9.9.9:8443/",
		"https://10.1.2.3/",
		"https://172.16.0.1/",
		"https://172.31.255.255/",
		"https://192.168.1.1/",
		"https://169.254.169.254/",
		"https://100.64.0.1/",
		"https://0.0.0.0/",
		"https://224.0.0.1/",
		"https://255.255.255.255/",
		"https://198.18.0.1/",
		"https://[::1]/",
		"https://[::]/",
		"https://[fe80::1]/",
		"https://[fd00::1]/",
		"https://[ff02::1]/",
		"https://[::ffff:127.0.0.1]/",
		"https://[::ffff:a01:203]/",
		"https://2130706433/",
		"https://0x7f.1/",
		"https://localhost/",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct end end;

		begin(urls[i], false, 0, &end);
		finish(&end);
		if (end.outcome != HTTP_NOT_SENT || !strstr(end.failure, "private"))
			FAIL_CASE("%s: %d, %s", urls[i], (int)end.outcome, end.failure);
	}
}

/* A service on a private address may link to such addresses, but only encrypted. */
static void test_plain_http(void **state)
{
	char url[64];
	int listener = listen_here(url, sizeof(url), "http");
	struct end end;

	(void)state;
	allows_http = false;
	begin(url, true, 0, &end);
	allows_http = true;
	finish(&end);
	assert_int_equal(end.outcome, HTTP_NOT_SENT);
	assert_int_equal(accept4(listener, NULL, NULL, SOCK_CLOEXEC), -1);
	close(listener);
}

/* A connection of a call with more rights is not reused by one with fewer. */
static void test_a_kept_connection_is_no_way_around(void **state)
{
	char url[64];
	int listener = listen_here(url, sizeof(url), "http"), fd;
	struct end end;
	char more;

	(void)state;
	begin(url, true, 0, &end);
	fd = accept_here(listener);
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	finish(&end);
	assert_int_equal(end.outcome, HTTP_ANSWERED);
	while (recv(fd, &more, 1, MSG_DONTWAIT) == 1)
		continue;
	allows_http_anyway = true;
	begin(url, false, 0, &end);
	allows_http_anyway = false;
	finish(&end);
	assert_int_equal(end.outcome, HTTP_NOT_SENT);
	assert_non_null(strstr(end.failure, "private"));
	assert_true(recv(fd, &more, 1, MSG_DONTWAIT) <= 0);
	close(fd);
	close(listener);
}

static void test_nobody_hears_of_a_refused_call(void **state)
{
	char url[64];
	int listener = listen_here(url, sizeof(url), "https");
	struct end end;

	(void)state;
	begin(url, false, 0, &end);
	finish(&end);
	assert_int_equal(end.outcome, HTTP_NOT_SENT);
	assert_int_equal(accept4(listener, NULL, NULL, SOCK_CLOEXEC), -1);
	close(listener);
}

static void test_schemes(void **state)
{
	static const char *const urls[] = {
		"file:///etc/passwd",  "ftp://example.com/",  "gopher://example.com/",
		"dict://example.com/", "http://example.com/", "telnet://example.com/"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct end end;

		begin(urls[i], false, 0, &end);
		finish(&end);
		if (end.outcome != HTTP_NOT_SENT || end.received)
			FAIL_CASE("%s: %d, %s", urls[i], (int)end.outcome, end.failure);
	}
}

static void test_redirects_to_other_schemes(void **state)
{
	static const char *const places[] = { "file:///etc/passwd", "ftp://127.0.0.1/",
					      "gopher://127.0.0.1/" };
	char url[64], text[256];
	int listener = listen_here(url, sizeof(url), "http");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct end end;
		int fd;

		begin(url, true, 0, &end);
		fd = accept_here(listener);
		snprintf(text, sizeof(text),
			 "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n"
			 "Connection: close\r\n\r\n",
			 places[i]);
		say(fd, text);
		finish(&end);
		if (end.outcome == HTTP_ANSWERED || end.received || !end.is_private)
			FAIL_CASE("%s: %d, %zu bytes", places[i], (int)end.outcome,
				  end.received);
		close(fd);
	}
	close(listener);
}

/* --- lanes --- */

#define LANE_TRIALS 100

/* Answers every waiting connection. Returns their number. */
static size_t answer_all(int listener)
{
	size_t count = 0;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
			"Connection: close\r\n\r\n");
		shutdown(fd, SHUT_WR);
		close(fd);
		count++;
	}
	return count;
}

/* Runs turns until nothing moves for a while. Returns the number of new connections. */
static size_t count_callers(int listener, int *fds)
{
	size_t count = 0;
	int idle = 0;

	while (idle < 10) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		http_turn(http, 5);
		idle = fd >= 0 ? 0 : idle + 1;
		if (fd >= 0)
			fds[count++] = fd;
	}
	return count;
}

/* A limited number of a lane's calls runs at a time. Other calls do not wait. */
static void test_a_lane(void **state)
{
	static struct end ends[LANE_TRIALS], other;
	static int fds[LANE_TRIALS];
	char url[64];
	int listener = listen_here(url, sizeof(url), "http");

	(void)state;
	lane = &lane;
	for (size_t i = 0; i < LANE_TRIALS; i++)
		begin(url, true, 0, &ends[i]);
	assert_int_equal(count_callers(listener, fds), HTTP_LANE_CALLS);
	lane = NULL;
	begin(url, true, 0, &other);
	assert_int_equal(count_callers(listener, &fds[HTTP_LANE_CALLS]), 1);
	for (size_t i = 0; i < 2; i++) {
		say(fds[i], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
			    "Connection: close\r\n\r\n");
		close(fds[i]);
	}
	assert_int_equal(count_callers(listener, &fds[HTTP_LANE_CALLS + 1]), 2);
	assert_true(ends[0].is_over && ends[1].is_over && !ends[2].is_over);
	for (size_t i = 2; i < HTTP_LANE_CALLS + 3; i++)
		close(fds[i]);
	for (int64_t until_ms = clock_boot_ms() + PATIENCE_MS;
	     !ends[LANE_TRIALS - 1].is_over && clock_boot_ms() < until_ms;) {
		http_turn(http, 5);
		answer_all(listener);
	}
	for (size_t i = HTTP_LANE_CALLS + 2; i < LANE_TRIALS; i++) {
		finish(&ends[i]);
		assert_int_equal(ends[i].outcome, HTTP_ANSWERED);
	}
	close(listener);
}

/* A cancelled call frees its place in the lane. The others keep their order. */
static void test_leaving_a_lane(void **state)
{
	static struct http_call *calls[HTTP_LANE_CALLS + 4];
	static struct end ends[HTTP_LANE_CALLS + 4];
	static int fds[HTTP_LANE_CALLS + 4];
	char url[64];
	int listener = listen_here(url, sizeof(url), "http");
	struct end *first_waiting = &ends[HTTP_LANE_CALLS],
		   *third_waiting = &ends[HTTP_LANE_CALLS + 2];

	(void)state;
	lane = &lane;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		begin(url, true, i < HTTP_LANE_CALLS ? 0 : 300, &ends[i]);
		calls[i] = begun;
	}
	lane = NULL;
	assert_int_equal(count_callers(listener, fds), HTTP_LANE_CALLS);
	http_cancel(calls[HTTP_LANE_CALLS + 1]); /* in the middle of the queue */
	http_cancel(calls[HTTP_LANE_CALLS + 3]); /* the last one */
	assert_int_equal(count_callers(listener, &fds[HTTP_LANE_CALLS]), 0);
	http_cancel(calls[0]);
	finish(first_waiting); /* its time-out starts when it is sent */
	assert_string_equal(first_waiting->failure, "no data for 0.3 s");
	finish(third_waiting);
	assert_string_equal(third_waiting->failure, "no data for 0.3 s");
	for (size_t i = 0; i < HTTP_LANE_CALLS; i++)
		close(fds[i]);
	close(listener);
}

/* --- stalls --- */

static void test_silence(void **state)
{
	static const char *const said[] = {
		"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
	};
	char url[64];
	int listener = listen_here(url, sizeof(url), "http");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		struct end end;
		int fd;

		begin(url, true, 100, &end);
		fd = accept_here(listener);
		say(fd, said[i]);
		finish(&end);
		assert_int_equal(end.outcome, HTTP_LOST);
		assert_string_equal(end.failure, "no data for 0.1 s");
		close(fd);
	}
	close(listener);
}

/* Sends a piece every 5 ms until the call ends, or for this number of steps. */
static size_t trickle(int fd, struct end *end, const char *piece, size_t steps)
{
	size_t done = 0;

	while (!end->is_over && done < steps) {
		if (send(fd, piece, strlen(piece), MSG_NOSIGNAL) < 0)
			break;
		http_turn(http, 5);
		usleep(5000);
		done++;
	}
	return done;
}

static void test_a_trickle(void **state)
{
	char url[64];
	int listener = listen_here(url, sizeof(url), "http"), fd;
	struct end end;

	(void)state;
	begin(url, true, 300, &end);
	fd = accept_here(listener);
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n");
	assert_true(trickle(fd, &end, "x", 100000) < 100000);
	finish(&end);
	assert_int_equal(end.outcome, HTTP_LOST);
	assert_string_equal(end.failure, "almost no data for 0.3 s");
	close(fd);
	close(listener);
}

/* Headers that never end count as no progress. */
static void test_a_trickled_head(void **state)
{
	char url[64];
	int listener = listen_here(url, sizeof(url), "http"), fd;
	struct end end;

	(void)state;
	begin(url, true, 300, &end);
	fd = accept_here(listener);
	say(fd, "HTTP/1.1 200 OK\r\n");
	assert_true(trickle(fd, &end, "X: y\r\n", 100000) < 100000);
	finish(&end);
	assert_string_equal(end.failure, "no data for 0.3 s");
	close(fd);
	close(listener);
}

static void test_slow_is_not_a_stall(void **state)
{
	char url[64], piece[1001];
	int listener = listen_here(url, sizeof(url), "http"), fd;
	struct end end;

	(void)state;
	memset(piece, 'x', 1000);
	piece[1000] = '\0';
	begin(url, true, 500, &end);
	fd = accept_here(listener);
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n");
	trickle(fd, &end, piece, 200);
	finish(&end);
	assert_int_equal(end.outcome, HTTP_ANSWERED);
	assert_int_equal(end.received, 200000);
	close(fd);
	close(listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_private_addresses),
		TEST(test_plain_http),
		TEST(test_a_kept_connection_is_no_way_around),
		TEST(test_nobody_hears_of_a_refused_call),
		TEST(test_schemes),
		TEST(test_redirects_to_other_schemes),
		TEST(test_a_lane),
		TEST(test_leaving_a_lane),
		TEST(test_silence),
		TEST(test_a_trickle),
		TEST(test_a_trickled_head),
		TEST(test_slow_is_not_a_stall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
