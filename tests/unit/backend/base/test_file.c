/* backend/base/file.h: reading and writing complete buffers. */
#include "tests/unit/unit.h"

#include "backend/base/file.h"

static void test_write_and_read(void **state)
{
	AUTOCLOSE int fd = file_of("", 0);
	char bytes[16] = "";
	size_t got = 0;

	assert_int_equal(file_write(fd, "hello", 5), 0);
	assert_int_equal(file_write_at(fd, "y, you", 6, 4), 0);
	assert_int_equal(file_write(fd, "!", 1), 0);
	assert_int_equal(file_read_at(fd, bytes, sizeof(bytes), 1, &got), 0);
	assert_int_equal(got, 9);
	assert_memory_equal(bytes, "elly!you", 5);
	assert_int_equal(file_read_at(fd, bytes, 3, 1, &got), 0);
	assert_int_equal(got, 3);
	assert_int_equal(file_read_at(fd, bytes, 3, 100, &got), 0);
	assert_int_equal(got, 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 6);
}

/*
 * Longer than a chunk. Reads from the start, whatever the descriptor's offset. The limit
 * applies.
 */
static void test_read_all(void **state)
{
	size_t size = 100001;
	AUTOFREE char *bytes = malloc(size);
	AUTOCLOSE int fd = -1;
	AUTOBUFFER all = BUFFER_INIT(size + 4);
	AUTOBUFFER too_small = BUFFER_INIT(size - 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 31);
	fd = file_of(bytes, size);
	assert_int_equal(lseek(fd, 7, SEEK_SET), 7);
	assert_int_equal(buffer_add(&all, "head"), 0);
	assert_int_equal(file_read_all(fd, &all), 0);
	assert_int_equal(all.size, size + 4);
	assert_memory_equal(all.data + 4, bytes, size);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 7);
	assert_int_equal(file_read_all(fd, &too_small), -EFBIG);
}

static void test_read_pipe(void **state)
{
	AUTOBUFFER all = BUFFER_INIT(64);
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(file_write(ends[1], "hello", 5), 0);
	close(ends[1]);
	assert_int_equal(file_read_all(ends[0], &all), 0);
	close(ends[0]);
	assert_string_equal(all.data, "hello");
}

static void test_read_line(void **state)
{
	char line[8];

	file_read_line("/proc/self/comm", line, sizeof(line));
	assert_string_equal(line, "unit.ba"); /* the program's name, truncated */
	file_read_line("/proc/sys/kernel/ostype", line, sizeof(line));
	assert_string_equal(line, "Linux");
	file_read_line("/no/such/file", line, sizeof(line));
	assert_string_equal(line, "");
}

static void test_errors(void **state)
{
	AUTOCLOSE int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTOBUFFER nothing = BUFFER_INIT(8);
	char byte;
	size_t got;

	assert_int_equal(file_read_at(-1, &byte, 1, 0, &got), -EBADF);
	assert_int_equal(file_read_at(directory, &byte, 1, 0, &got), -EISDIR);
	assert_int_equal(file_read_all(-1, &nothing), -EBADF);
	assert_int_equal(file_read_all(directory, &nothing), -EISDIR);
	assert_int_equal(file_write(-1, "a", 1), -EBADF);
	assert_int_equal(file_write_at(-1, "a", 1, 0), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_read_all),
		cmocka_unit_test(test_read_pipe),      cmocka_unit_test(test_read_line),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
