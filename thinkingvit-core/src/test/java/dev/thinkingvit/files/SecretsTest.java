package dev.thinkingvit.files;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SecretsTest {
    @ParameterizedTest
    @CsvSource({
        "http://me:word@host/x, http://***@host/x",
        "'it is at https://me:w@rd@host:8/x, no', 'it is at https://***@host:8/x, no'",
        "https:/hf_abc@huggingface.co/owner/name, https:/***@huggingface.co/owner/name",
        "socks5h://me@host, socks5h://***@host",
        "Bearer hf_abcdefghijklmnopqrstuvwxyz, Bearer hf_***",
        "https://h/x?X-Amz-Signature=abc&X-Amz-Date=1&Key-Pair-Id=k, https://h/x?X-Amz-Signature=***&X-Amz-Date=1&Key-Pair-Id=***",
        "https://h/x?access_token=abc#y, https://h/x?access_token=***#y"
    })
    void secretsAreBlottedOut(String text, String shown) {
        assertThat(Secrets.blot(text)).isEqualTo(shown);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hf-hub:owner/name@v1",
                "https://huggingface.co/owner/name/tree/v1@2",
                "pictures/me@home.jpg",
                "hf_vit.pth: no such file or folder",
                "--token=x",
                "C:/Users/a@b/cat.jpg"
            })
    void everythingElseStays(String text) {
        assertThat(Secrets.blot(text)).isEqualTo(text);
    }

    @Test
    void ofWhatShouldBeAnAddressNothingBeforeTheAtSignIsShown() {
        assertThat(Secrets.address("me:w/rd@host:80")).isEqualTo("***@host:80");
        assertThat(Secrets.address("http://me:a b@c@host")).isEqualTo("http://***@host");
        assertThat(Secrets.address("proxy")).isEqualTo("proxy");
    }
}
