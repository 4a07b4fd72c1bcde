"""What bindings/python/forgepool.py promises, on the bundle in $FORGEPOOL_TEST_BUNDLE."""

import os
import pathlib
import threading
import unittest

import forgepool

FOLDER = pathlib.Path(os.environ["FORGEPOOL_TEST_BUNDLE"])
BUNDLE = (FOLDER / "bundle.json").read_bytes()
ROOT = (FOLDER / "root.json").read_bytes()
CONTRACT = '{"op": {"name": "mc", "version": "1", "profile": "insurance.v1"}, "args": {"iterations": 1000}}'


class Contracts(unittest.TestCase):
    def test_the_library_is_of_the_expected_version(self):
        self.assertEqual(forgepool.library_version(), os.environ["FORGEPOOL_TEST_VERSION"])

    def test_spacing_does_not_change_the_digest_but_content_does(self):
        digest = forgepool.contract_digest(CONTRACT)
        self.assertRegex(digest, "^sha256:[0-9a-f]{64}$")
        self.assertEqual(forgepool.contract_digest(CONTRACT.replace(" ", "").encode()), digest)
        self.assertNotEqual(forgepool.contract_digest(CONTRACT.replace("1000", "1001")), digest)

    def test_a_mistake_is_named_by_its_place(self):
        with self.assertRaises(forgepool.Error) as caught:
            forgepool.contract_digest(CONTRACT[:-1] + ', "policy": {"replicas": 0}}')
        self.assertEqual(caught.exception.status, forgepool.Status.INVALID_INPUT)
        self.assertTrue(caught.exception.message.startswith("/policy/replicas"), caught.exception.message)

    def test_zeros_and_foreign_letters_are_bytes_like_others(self):
        for text in ["\0", CONTRACT + "\0", '{"ö": "😀"}']:
            with self.assertRaises(forgepool.Error):
                forgepool.contract_digest(text)

    def test_other_types_are_refused_before_the_library_sees_them(self):
        with self.assertRaises(TypeError):
            forgepool.contract_digest(5)


class Bundles(unittest.TestCase):
    def test_an_honest_bundle_gives_a_report(self):
        report = forgepool.verify_bundle(BUNDLE, ROOT)
        self.assertEqual(report["job"], "job-1")
        self.assertEqual(report["shards"], 3)
        self.assertEqual(len(report["agents"]), 2)
        self.assertEqual(len(report["rejected"]), 1)
        self.assertGreater(report["receipts"], 0)
        self.assertGreater(len(report["checks"]), 5)
        self.assertEqual(set(report["checks"][0]), {"name", "detail"})

    def test_a_flipped_bit_is_found(self):
        for at in range(11, len(BUNDLE), len(BUNDLE) // 20):
            damaged = bytearray(BUNDLE)
            damaged[at] ^= 4
            with self.assertRaises(forgepool.Error, msg=f"byte {at}"):
                forgepool.verify_bundle(damaged, ROOT)

    def test_what_is_no_root_is_refused_as_such(self):
        with self.assertRaises(forgepool.Error) as caught:
            forgepool.verify_bundle(BUNDLE, "{}")
        self.assertEqual(caught.exception.status, forgepool.Status.INVALID_INPUT)

    def test_threads_do_not_disturb_each_other(self):
        wrong = []

        def work(number):
            for _ in range(5):
                if number % 2:
                    if forgepool.verify_bundle(BUNDLE, ROOT)["shards"] != 3:
                        wrong.append(number)
                else:
                    try:
                        forgepool.verify_bundle(BUNDLE[:-number - 1], ROOT)
                        wrong.append(number)
                    except forgepool.Error:
                        pass

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
