from stubs import stub_seal as seal
